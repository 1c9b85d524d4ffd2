import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { isRaw, type Route } from '@countersign/protocol/api/route.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { clientCertificateOf } from './clientCertificate.ts'
import { httpError } from './errors.ts'
import { streamBody } from './requestStream.ts'

/** Levels of nesting that a request body may have. */
const MAX_JSON_DEPTH = 16
const MAX_MEDIA_TYPE_LENGTH = 256

// Where a route names no schema, the type parameter stays `z.ZodType`, whose output is `unknown`.
type Parsed<Schema extends z.ZodType, Otherwise> = unknown extends z.output<Schema> ? Otherwise : z.output<Schema>

/** One request, after validation. */
export interface RouteRequest<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> {
  readonly params: Parsed<Params, Readonly<Record<string, string>>>
  readonly query: Parsed<Query, Readonly<Record<string, unknown>>>
  /** The validated JSON, or the bytes where the route takes bytes (none, or a stream: empty). */
  readonly body: Parsed<Body, Uint8Array>
  /** Where the route takes a stream: the body as it comes, to be read once; see `streamBody` for its limits and codes. */
  readonly bodyStream: AsyncIterable<Uint8Array>
  /** Of the body, lower case and without parameters; empty where none was named. */
  readonly mediaType: string
  readonly headers: IncomingHttpHeaders
  /** The address at the other end of the connection; empty for a local socket. */
  readonly remoteAddress: string
  /** DER of the caller's certificate. Only where TLS verified it against the listener's `clientAuthorities`. */
  readonly clientCertificate: Uint8Array | undefined
  /** Aborts when the caller goes away before the answer, and when the server closes under an endless one. */
  readonly signal: AbortSignal
}

/**
 * Reads a request as `route` describes it. Throws `http.invalid-parameter`, `http.invalid-body`,
 * `http.unsupported-media-type`, and `json.*` for what is not strict JSON.
 */
export function readRequest(route: Route, request: FastifyRequest, response: ServerResponse): RouteRequest {
  const mediaType = mediaTypeOf(request.headers['content-type'])
  return {
    params: validated(route.params, request.params, 'http.invalid-parameter') as RouteRequest['params'],
    query: validated(route.query, request.query, 'http.invalid-parameter') as RouteRequest['query'],
    body: readBody(route, mediaType, request.body as Uint8Array | undefined) as RouteRequest['body'],
    mediaType,
    headers: request.headers,
    remoteAddress: request.raw.socket.remoteAddress ?? '',
    get bodyStream() {
      return streamBody(request.raw, response, route.maxBodyBytes)
    },
    get clientCertificate() {
      return clientCertificateOf(request.raw.socket)
    },
    get signal() {
      return goneSignal(response)
    },
  }
}

function readBody(route: Route, mediaType: string, bytes: Uint8Array | undefined): unknown {
  const sent = bytes ?? new Uint8Array()
  if (route.body === undefined) {
    if (sent.length > 0) throw httpError('http.invalid-body', 'this operation takes no body')
    return sent
  }
  const accepted = isRaw(route.body) ? route.body.mediaTypes : ['application/json']
  if (!accepted.some((type) => mediaTypeOf(type) === mediaType)) {
    throw httpError('http.unsupported-media-type', `this operation takes ${accepted.join(' or ')}`)
  }
  if (isRaw(route.body)) return sent
  const value = parseJson(sent, { maxBytes: route.maxBodyBytes, maxDepth: MAX_JSON_DEPTH })
  return validated(route.body, value, 'http.invalid-body')
}

function validated(
  schema: z.ZodType | undefined,
  value: unknown,
  code: 'http.invalid-parameter' | 'http.invalid-body',
): unknown {
  if (schema === undefined) return value
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'the top level' : issue.path.join('.')
  // Zod's words name types, limits and unknown keys, and none of the values that were sent.
  throw httpError(code, `at ${where}: ${issue?.message ?? 'invalid'}`.slice(0, 300))
}

function mediaTypeOf(header: string | undefined): string {
  if (header === undefined || header.length > MAX_MEDIA_TYPE_LENGTH) return ''
  return (header.split(';')[0] ?? '').trim().toLowerCase()
}

const leaving = new WeakMap<ServerResponse, AbortController>()

function goneSignal(response: ServerResponse): AbortSignal {
  const gone = leaving.get(response) ?? new AbortController()
  if (leaving.has(response)) return gone.signal
  leaving.set(response, gone)
  if (response.destroyed) gone.abort()
  else response.once('close', () => !response.writableFinished && gone.abort())
  return gone.signal
}

/** Tells the operation behind `response` to end, as if the caller had gone away. */
export function abortRequest(response: ServerResponse): void {
  leaving.get(response)?.abort()
}
