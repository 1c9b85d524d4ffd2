import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isRaw, type ListenerName, type Route } from '@countersign/protocol/api/route.ts'
import { type Caller, CodedError, type ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, type RouteOptions } from 'fastify'
import type { z } from 'zod'
import type { Logger } from '../telemetry/logger.ts'
import { clientCertificateOf } from './clientCertificate.ts'
import { httpError, httpErrors } from './errors.ts'
import { type ListenAddress, listenOn } from './listen.ts'
import { type ConnectionLimits, createNodeServer, replaceTls, type TlsCredentials } from './nodeServer.ts'
import { PROBLEM_MEDIA_TYPE, type ProblemReport, problemOf } from './problem.ts'
import { type RawReply, type RouteReply, SAFE_HEADERS, STRICT_TRANSPORT, type StreamReply } from './reply.ts'
import { sendNews } from './replyNews.ts'
import { sendStream } from './replyStream.ts'
import { abortRequest, type RouteRequest, readRequest } from './routeRequest.ts'

/** A request that was answered with a refusal, for whoever keeps account of them. */
export interface Refusal {
  readonly code: string
  /** The route's `id`; `none` where the request was refused before a route was chosen. */
  readonly routeId: string
  readonly remoteAddress: string
  /** Absent where nobody has proven who they are. */
  readonly caller?: Caller
}

/** How one listener is made. */
export interface HttpServerOptions extends ConnectionLimits {
  /** Only routes that name this listener are served. */
  readonly name: ListenerName
  readonly logger: Logger
  /** The joined tables of everything that handlers may throw; `http.*` is added. */
  readonly errors: ErrorTable
  /** Without it the listener is plain HTTP. */
  readonly tls?: TlsCredentials
  /** PEM of the authorities whose client certificates count. With it, callers are asked for one. */
  readonly clientAuthorities?: string
  /** Tells browsers to use only TLS with this host from now on. Default: on where there is TLS. Off for `localhost`, which people share between programs. */
  readonly strictTransport?: boolean
  /** Checks every JSON reply against its schema (`http.reply-wrong`). For tests: replies are typed already. */
  readonly checkReplies?: boolean
  /** Awaited before a refusal is answered, so that it is on record first. */
  readonly onRefusal?: (refusal: Refusal) => Promise<void>
  /** Told of every coded error of kind `broken`: an invariant failed, and only a restart can repair. Not of `http.internal`, or a stranger who finds a mistake could stop the server. */
  readonly onBroken?: (error: unknown) => void
}

/** Runs one operation. What it throws becomes a problem document. */
export type RouteHandler<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Reply extends z.ZodType,
> = (request: RouteRequest<Params, Query, Body>) => Promise<RouteReply<Reply>>

/** Where a server listens. */
export type BoundAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/** Fastify's longest path parameter is 100 characters by default; ours are key ids, names and e-mail addresses. */
const MAX_PARAMETER_LENGTH = 1024
/** Requests are validated by zod. Without these, Fastify loads its own validator and serializer, 90 modules, and uses neither. */
const NO_SCHEMAS = { buildValidator: refuseSchema, buildSerializer: refuseSchema }
/** How long `close` waits for answers under way. */
const CLOSE_WITHIN_MS = 10_000
const CLOSE_IDLE_EVERY_MS = 50

/** One listener with its routes. Not listening until `listen`. */
export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #errors: ErrorTable
  readonly #headers: Readonly<Record<string, string>>
  readonly #raw = new Map<string, RequestListener>()
  /** Routes that read their body piece by piece: method and address. */
  readonly #streamed: string[] = []
  /** Answers without end that are under way. */
  readonly #endless = new Set<ServerResponse>()
  readonly #fastify: FastifyInstance
  #server!: Server
  #closing = false

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#errors = { ...options.errors, ...httpErrors }
    const strict = options.tls !== undefined && options.strictTransport !== false
    this.#headers = strict ? { ...SAFE_HEADERS, 'strict-transport-security': STRICT_TRANSPORT } : SAFE_HEADERS
    this.#fastify = fastify({
      logger: false,
      return503OnClosing: false,
      // Fastify's own would hang up on streamed bodies; `createNodeServer` answers broken requests.
      clientErrorHandler: () => {},
      routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
      schemaController: { compilersFactory: NO_SCHEMAS },
      frameworkErrors: (error, request, reply) => this.#fail(error, noRoute(request), reply as unknown as FastifyReply),
      serverFactory: (listener) => {
        this.#server = createNodeServer(
          (request, response) => this.#dispatch(request, response, listener),
          options,
          options.tls,
          options.clientAuthorities,
        )
        this.#server.on('checkContinue', (request, response) => {
          if (!this.#isStreamed(request)) response.writeContinue()
          this.#dispatch(request, response, listener)
        })
        return this.#server
      },
    })
    this.#prepare()
  }

  /** Serves `route`, unless it names other listeners only. Before `listen`. */
  mount<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
    route: Route<P, Q, B, R>,
    handler: RouteHandler<P, Q, B, R>,
  ): void {
    if (!route.listeners.includes(this.#options.name)) return
    const run = handler as unknown as RouteHandler<z.ZodType, z.ZodType, z.ZodType, z.ZodType>
    const plain = route as unknown as Route
    const options: RouteOptions = {
      method: route.method,
      url: route.path,
      // Fastify wants at least one byte; a route without a body refuses that one itself.
      bodyLimit: Math.max(1, route.maxBodyBytes),
      ...(this.#takesCertificate(plain) && {
        onRequest: (request, reply, done) => this.#demandCertificate(plain, request, reply, done),
      }),
      handler: (request, reply) => {
        void this.#run(plain, run, request, reply)
        return reply
      },
    }
    if (isRaw(plain.body) && plain.body.stream) this.#routeStream(plain, options)
    else this.#fastify.route(options)
  }

  /** The body stays on the connection until the operation asks for it. */
  #routeStream(route: Route, options: RouteOptions): void {
    this.#streamed.push(`${route.method} ${route.path.replace(/:.*$/, '')}`)
    void this.#fastify.register(async (scope) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
      scope.route(options)
    })
  }

  #isStreamed({ method, url }: IncomingMessage): boolean {
    return this.#streamed.some((start) => `${method} ${url}`.startsWith(start))
  }

  #takesCertificate({ caller }: Route): boolean {
    return this.#options.clientAuthorities !== undefined && (caller === 'validator' || caller === 'device')
  }

  /** Refuses before a byte of the body is read. Who the certificate names is for the operation to ask. */
  #demandCertificate(route: Route, request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { socket } = request.raw
    if (clientCertificateOf(socket) !== undefined) return void done()
    const error = httpError('http.certificate-missing', httpErrors['http.certificate-missing'].sentence)
    void this.#fail(error, { routeId: route.id, remoteAddress: socket.remoteAddress ?? '' }, reply)
  }

  /** Gives everything at `prefix` and below it to `handler` before any route is looked at, body unread and path whole. */
  mountRaw(prefix: string, handler: (request: IncomingMessage, response: ServerResponse) => unknown): void {
    this.#raw.set(prefix, handler as RequestListener)
  }

  /** Starts to listen. Throws `http.address-in-use`, `http.cannot-listen`. */
  async listen(address: ListenAddress): Promise<void> {
    await this.#fastify.ready()
    await listenOn(this.#server, address)
  }

  /** The address in use; with port 0 the one that was found. Undefined before `listen`. */
  address(): BoundAddress | undefined {
    const bound: AddressInfo | string | null = this.#server.address()
    if (bound === null) return undefined
    return typeof bound === 'string' ? { path: bound } : { host: bound.address, port: bound.port }
  }

  /** Serves new connections under another certificate, without a restart. */
  setTls(tls: TlsCredentials): void {
    replaceTls(this.#server, tls, this.#options.clientAuthorities)
  }

  /** Takes no more connections, ends endless answers, lets the others finish for up to ten seconds, then hangs up. */
  async close(): Promise<void> {
    this.#closing = true
    for (const response of this.#endless) abortRequest(response)
    // Connections that fall idle after their last answer would otherwise stay for as long as they are kept alive.
    const idle = setInterval(() => this.#server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
    const patience = setTimeout(() => this.#server.closeAllConnections(), CLOSE_WITHIN_MS)
    await new Promise((resolve) => this.#server.close(resolve))
    clearInterval(idle)
    clearTimeout(patience)
    await this.#fastify.close()
  }

  #prepare(): void {
    this.#fastify.removeAllContentTypeParsers()
    this.#fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    this.#fastify.setNotFoundHandler((_request, reply) => {
      // Nothing was asked of anyone here, so there is nobody to keep account of.
      this.#fail(httpError('http.not-found', httpErrors['http.not-found'].sentence), undefined, reply)
    })
    this.#fastify.setErrorHandler((error, request, reply) => this.#fail(error, noRoute(request), reply))
    if (this.#options.logger.isLevelEnabled('debug')) {
      this.#fastify.addHook('onResponse', async (request, reply) => {
        // Only the path: queries and headers can hold codes and tokens.
        const path = request.url.split('?', 1)[0]
        const { statusCode: status, elapsedTime: ms } = reply
        this.#options.logger.debug({ method: request.method, path, status, ms, from: request.ip }, 'answered')
      })
    }
  }

  #dispatch(request: IncomingMessage, response: ServerResponse, routed: RequestListener): void {
    // Keep-alive would hold the server open for whoever keeps asking.
    if (this.#closing) response.setHeader('connection', 'close')
    const raw = this.#raw.size > 0 ? this.#rawHandler(request.url ?? '/') : undefined
    if (raw === undefined) return void routed(request, response)
    void this.#runRaw(raw, request, response)
  }

  #rawHandler(url: string): RequestListener | undefined {
    for (const [prefix, handler] of this.#raw) {
      const after = url.charAt(prefix.length)
      if (url.startsWith(prefix) && (after === '' || after === '/' || after === '?')) return handler
    }
    return undefined
  }

  async #runRaw(handler: RequestListener, request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(this.#headers)) response.setHeader(name, value)
    try {
      await handler(request, response)
    } catch (error) {
      const { problem } = this.#report(error)
      if (response.headersSent) return void response.destroy()
      response.writeHead(problem.status, { 'content-type': PROBLEM_MEDIA_TYPE }).end(JSON.stringify(problem))
    }
  }

  async #run(
    route: Route,
    handler: RouteHandler<z.ZodType, z.ZodType, z.ZodType, z.ZodType>,
    request: Parameters<typeof readRequest>[1],
    reply: FastifyReply,
  ): Promise<void> {
    try {
      const answer = await handler(readRequest(route, request, reply.raw))
      if (!isRaw(route.reply)) this.#sendJson(route, route.reply, answer, reply)
      else if ('stream' in answer) await this.#sendStream(route, answer, request, reply)
      else this.#sendRaw(route, answer as RawReply, reply)
    } catch (error) {
      await this.#fail(error, { routeId: route.id, remoteAddress: request.raw.socket.remoteAddress ?? '' }, reply)
    }
  }

  #sendJson(route: Route, schema: z.ZodType, answer: unknown, reply: FastifyReply): void {
    if (this.#options.checkReplies) {
      const checked = schema.safeParse(answer)
      if (!checked.success) throw httpError('http.reply-wrong', `${route.id}: ${checked.error.message}`)
    }
    const headers = { ...this.#headers, 'content-type': 'application/json', 'cache-control': 'no-store' }
    send(reply, route.status, headers, JSON.stringify(answer))
  }

  #sendRaw(route: Route, answer: RawReply, reply: FastifyReply): void {
    const headers = { ...this.#headers, ...answer.headers, 'content-type': answer.mediaType }
    send(reply, answer.status ?? route.status, headers, answer.bytes)
  }

  async #sendStream(route: Route, answer: StreamReply, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const response = reply.hijack().raw
    const { stream, sizeBytes } = answer
    const isNews = 'attach' in stream
    // In chunks, each connection would be written three pieces instead of the one that all of them share. Without them the
    // answer ends with its connection (RFC 9112, 6.3), as news does anyway.
    if (isNews) response.removeHeader('transfer-encoding')
    response.writeHead(answer.status ?? route.status, {
      ...this.#headers,
      ...answer.headers,
      'content-type': answer.mediaType,
      ...(sizeBytes !== undefined && { 'content-length': String(sizeBytes) }),
      ...(isNews && { connection: 'close' }),
    })
    if (request.method === 'HEAD') {
      await stream[Symbol.asyncIterator]().return?.()
      return void response.end()
    }
    response.flushHeaders()
    if (sizeBytes === undefined) this.#endless.add(response)
    // Closing may have begun while the operation prepared its answer.
    if (this.#closing) abortRequest(response)
    try {
      await (isNews ? sendNews(response, stream) : sendStream(response, stream))
    } finally {
      this.#endless.delete(response)
    }
  }

  async #fail(error: unknown, refused: Omit<Refusal, 'code'> | undefined, reply: FastifyReply): Promise<void> {
    const { problem, row } = this.#report(error)
    if (row.kind === 'refused' && refused !== undefined) {
      const caller = error instanceof CodedError ? error.caller : undefined
      await this.#recordRefusal({ ...refused, code: problem.code, ...(caller && { caller }) })
    }
    const headers = {
      ...this.#headers,
      'content-type': PROBLEM_MEDIA_TYPE,
      'cache-control': 'no-store',
      ...(row.kind === 'unavailable' && { 'retry-after': '1' }),
      // What is left of the body would have to be read to find the next request.
      ...(problem.status === 413 && { connection: 'close' }),
    }
    send(reply, problem.status, headers, JSON.stringify(problem))
  }

  #report(error: unknown): ProblemReport {
    const report = problemOf(fromFastify(error), this.#errors)
    if (report.row.kind === 'broken') {
      this.#options.logger.error({ err: error, code: report.problem.code }, 'a request failed')
      if (report.problem.code !== 'http.internal') this.#options.onBroken?.(error)
    }
    return report
  }

  async #recordRefusal(refusal: Refusal): Promise<void> {
    try {
      await this.#options.onRefusal?.(refusal)
    } catch (error) {
      this.#options.logger.error({ err: error, refused: refusal.code }, 'a refusal could not be recorded')
    }
  }
}

/** Makes a listener; `mount` its routes, then `listen`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new HttpServer(options)
}

// Past Fastify's own way of sending, which would add a character set to media types that have none, and takes longer.
function send(reply: FastifyReply, status: number, headers: Record<string, string>, body: string | Uint8Array): void {
  reply.hijack()
  const response = reply.raw
  if (response.headersSent || response.destroyed) return
  headers['content-length'] = String(typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength)
  response.writeHead(status, headers)
  response.end(body)
}

function refuseSchema(): never {
  throw new TypeError('routes carry no schemas of Fastify')
}

/** Of a request that was refused before its route was known or its body read. */
function noRoute({ raw }: { readonly raw: IncomingMessage }): Omit<Refusal, 'code'> {
  return { routeId: 'none', remoteAddress: raw.socket.remoteAddress ?? '' }
}

function fromFastify(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('FST_ERR_')) return error
  const status = 'statusCode' in error ? Number(error.statusCode) : 500
  if (status === 413) return httpError('http.too-large', httpErrors['http.too-large'].sentence)
  if (status === 415) return httpError('http.unsupported-media-type', 'the media type of the body is not valid')
  if (status === 414 || error.code === 'FST_ERR_BAD_URL') {
    return httpError('http.invalid-parameter', 'the address holds a part that is too long or wrongly encoded')
  }
  if (status < 500) return httpError('http.invalid-body', 'the body is not as long as its headers say')
  return error
}
