import { isRaw, type RawBody, type Route } from '@countersign/protocol/api/route.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import type { z } from 'zod'
import { boundedRequest } from '../anchors/boundedRequest.ts'
import type { BoundedReply, RequestFailure } from '../anchors/httpExchange.ts'
import { type TlsTrust, trustedRequest } from '../anchors/trustedRequest.ts'
import { callsError } from './errors.ts'

/** Where a call goes. */
export type CallTarget =
  | { readonly url: string; readonly trust: TlsTrust }
  /** The admin socket of a server on this machine. */
  | { readonly socketPath: string }

/** What goes into a call besides the route. Fields that the route does not define are not given. */
export interface CallInput {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  /** JSON, or bytes where the route takes bytes. */
  readonly body?: unknown
  /** The media type of bytes. */
  readonly mediaType?: string
  /** Goes out as `Authorization: Bearer`, over TLS or the local socket only. Never logged. */
  readonly token?: string
  /** 30 seconds where not given. */
  readonly timeoutMs?: number
  /** Of the answer; 4 MiB where not given. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

/** What a route answers: parsed and checked JSON, or bytes. */
export type CallReply<R extends Route> = unknown extends JsonReply<R> ? Uint8Array : JsonReply<R>
type JsonReply<R extends Route> = z.infer<Exclude<R['reply'], RawBody>>

/**
 * Calls one route of a server, as the shared route definitions have it. A refusal of the server is thrown as a `CodedError`
 * with the server's own code and message; `detail.status` is the HTTP status.
 * Throws `calls.unreachable`, `calls.timeout`, `calls.untrusted-server`, `calls.bad-answer`, `calls.refused`.
 */
export async function call<R extends Route>(
  target: CallTarget,
  route: R,
  input: CallInput = {},
): Promise<CallReply<R>> {
  return readReply(route, await send(target, route, input))
}

/** The checked reply of a whole answer, or the server's refusal thrown. */
export function readReply<R extends Route>(route: R, reply: BoundedReply): CallReply<R> {
  if (reply.status !== route.status) throw refusal(route, reply)
  if (isRaw(route.reply)) return reply.bytes as CallReply<R>
  const read = route.reply.safeParse(readJson(route, reply))
  if (!read.success) {
    const where = read.error.issues[0]?.path.join('.') ?? ''
    throw callsError('calls.bad-answer', `${route.id} answered other fields than expected, at "${where}"`)
  }
  return read.data as CallReply<R>
}

function send(target: CallTarget, route: Route, input: CallInput): Promise<BoundedReply> {
  const body = encodeBody(route.body, input.body)
  const request = {
    url: addressOf(target, route, input),
    method: route.method,
    headers: {
      accept: isRaw(route.reply) ? route.reply.mediaTypes.join(', ') : 'application/json',
      ...(body && { 'content-type': input.mediaType ?? 'application/json' }),
      ...(input.token !== undefined && { authorization: `Bearer ${input.token}` }),
    },
    ...(body && { body }),
    ...(input.signal && { signal: input.signal }),
    maxBytes: input.maxBytes ?? 4 * 1024 * 1024,
    timeoutMs: input.timeoutMs ?? 30_000,
    fail: callFailure,
  }
  if ('url' in target) return trustedRequest(request, target.trust)
  return boundedRequest({ ...request, socketPath: target.socketPath })
}

function encodeBody(kind: z.ZodType | RawBody | undefined, body: unknown): Uint8Array | undefined {
  if (kind === undefined || body === undefined) return undefined
  return isRaw(kind) && body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
}

/** Where a call goes: the URL of the route at `target`, with its parameters filled in. */
export function addressOf(target: CallTarget, route: Route, input: Pick<CallInput, 'params' | 'query'>): string {
  return ('url' in target ? target.url : 'http://localhost') + pathOf(route, input)
}

function pathOf(route: Route, { params = {}, query }: Pick<CallInput, 'params' | 'query'>): string {
  const path = route.path
    .split('/')
    .map((segment) => {
      if (segment === '*') return params['*'] ?? ''
      return segment.startsWith(':') ? encodeURIComponent(params[segment.slice(1)] ?? '') : segment
    })
    .join('/')
  return query === undefined ? path : `${path}?${new URLSearchParams(query)}`
}

/** The server's own code where it sent a problem document (RFC 9457), else `calls.refused` or `calls.bad-answer`. */
export function refusal(route: Route, reply: BoundedReply): Error {
  const { status } = reply
  const problem = problemOf(reply)
  if (problem !== undefined) return new CodedError(problem.code, problem.message, { detail: { status } })
  if (status >= 400 && status < 500) {
    return callsError('calls.refused', `${route.id} was refused with status ${status}`, { detail: { status } })
  }
  return callsError('calls.bad-answer', `${route.id} answered status ${status}`, { detail: { status } })
}

function problemOf({ bytes }: BoundedReply): { code: string; message: string } | undefined {
  try {
    const json = parseJson(bytes, { maxBytes: 65_536 })
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
    const { code, message, detail } = json as { readonly [key: string]: JsonValue }
    // Of a stranger: only what reads like one of our codes, and a message that cannot move a terminal's cursor.
    if (typeof code !== 'string' || !/^[a-z0-9-]{1,40}\.[a-z0-9-]{1,60}$/.test(code)) return undefined
    const text = typeof message === 'string' ? message : typeof detail === 'string' ? detail : code
    return { code, message: text.replace(/\p{Cc}/gu, ' ').slice(0, 1000) }
  } catch {
    return undefined
  }
}

function readJson(route: Route, { bytes }: BoundedReply): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: bytes.length + 1, maxDepth: 32 })
  } catch (cause) {
    throw callsError('calls.bad-answer', `${route.id} did not answer JSON`, { cause })
  }
}

/** A connection's failure as an error of this folder. */
export function callFailure(failure: RequestFailure, message: string, cause?: unknown): Error {
  const code = {
    unreachable: 'calls.unreachable',
    timeout: 'calls.timeout',
    'too-large': 'calls.bad-answer',
    untrusted: 'calls.untrusted-server',
  } as const
  return callsError(code[failure], message, { cause })
}
