import { problemOf } from '@countersign/platform/http/problem.ts'
import type { RouteReply, StreamReply } from '@countersign/platform/http/reply.ts'
import type { RouteHandler } from '@countersign/platform/http/server.ts'
import { isRaw, type ListenerName, type Route } from '@countersign/protocol/api/route.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { serverErrors } from 'countersign-server/compose/serverErrors.ts'
import type { z } from 'zod'

/** A request as it reaches the instance. */
export interface SimulatedRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** DER. */
  readonly clientCertificate?: Uint8Array
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal
}

/** What the instance answers: bytes, or a stream without end. */
export interface SimulatedReply {
  readonly status: number
  readonly bytes?: Uint8Array
  readonly stream?: AsyncIterable<Uint8Array | string>
}

type AnyHandler = RouteHandler<z.ZodType, z.ZodType, z.ZodType, z.ZodType>

/** One listener of the instance without sockets: the same routes and operations, called directly. */
export class SimulatedServer {
  readonly #name: ListenerName
  readonly #routes: { readonly route: Route; readonly handler: AnyHandler }[] = []
  readonly #changes = new Map<string, (reply: unknown) => unknown>()
  /** Told of what no caller may cause. */
  readonly #defect: (error: unknown) => void

  constructor(name: ListenerName, defect: (error: unknown) => void) {
    this.#name = name
    this.#defect = defect
  }

  /** As `HttpServer.mount`. */
  mount(route: Route, handler: AnyHandler): void {
    if (route.listeners.includes(this.#name)) this.#routes.push({ route, handler })
  }

  /** Changes what one operation answers; every test of it is another suite's. */
  change(routeId: string, change: (reply: unknown) => unknown): void {
    this.#changes.set(routeId, change)
  }

  /** Answers as the instance does over HTTP. Never rejects. */
  async answer(request: SimulatedRequest): Promise<SimulatedReply> {
    const found = this.#find(request)
    if (found === undefined) return problem(404, 'http.not-found')
    const { route, handler, params } = found
    try {
      const headers = request.headers
      const asked = {
        params: route.params?.parse(params) ?? params,
        query: route.query?.parse(Object.fromEntries(request.url.searchParams)) ?? {},
        body: bodyOf(route, request.body),
        mediaType: headers['content-type'] ?? '',
        headers,
        remoteAddress: '192.0.2.1',
        clientCertificate: request.clientCertificate,
        signal: request.signal,
      }
      const reply = await handler(asked as unknown as Parameters<AnyHandler>[0])
      return await replyOf(route, (this.#changes.get(route.id)?.(reply) ?? reply) as typeof reply)
    } catch (error) {
      const { problem: document, row } = problemOf(error, serverErrors)
      if (row.kind === 'broken') this.#defect(error)
      return { status: document.status, bytes: Buffer.from(JSON.stringify(document)) }
    }
  }

  #find({ method, url }: SimulatedRequest) {
    for (const one of this.#routes) {
      const params = one.route.method === method ? matchPath(one.route.path, url.pathname) : undefined
      if (params !== undefined) return { ...one, params }
    }
    return undefined
  }
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/').map(decodeURIComponent)]
  const params: Record<string, string> = {}
  for (const [at, segment] of wanted.entries()) {
    if (segment === '*') return { ...params, '*': given.slice(at).join('/') }
    const value = given[at]
    if (value === undefined) return undefined
    if (segment.startsWith(':')) params[segment.slice(1)] = value
    else if (segment !== value) return undefined
  }
  return wanted.length === given.length ? params : undefined
}

function bodyOf({ body, maxBodyBytes }: Route, bytes: Uint8Array): unknown {
  if (body === undefined || isRaw(body)) return bytes
  return body.parse(parseJson(bytes, { maxBytes: maxBodyBytes, maxDepth: 16 }))
}

async function replyOf(route: Route, answer: RouteReply<z.ZodType>): Promise<SimulatedReply> {
  if (!isRaw(route.reply)) return { status: route.status, bytes: Buffer.from(JSON.stringify(answer)) }
  if (!('stream' in answer)) {
    const { bytes, status = route.status } = answer
    return { status, bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes }
  }
  const { stream, sizeBytes, status = route.status }: StreamReply = answer
  if (sizeBytes === undefined) return { status, stream }
  const pieces = await Array.fromAsync(stream, (piece) => Buffer.from(piece))
  return { status, bytes: new Uint8Array(Buffer.concat(pieces)) }
}

function problem(status: number, code: string): SimulatedReply {
  return { status, bytes: Buffer.from(JSON.stringify({ code, message: code })) }
}
