import type { z } from 'zod'

/** Sockets that serve a route. `https` is the instance's own, `http` the plain listener, `admin` the local socket. */
export type ListenerName = 'https' | 'http' | 'admin'

/** A body that is not JSON: which media types are taken, or which one is answered. */
export interface RawBody {
  readonly mediaTypes: readonly string[]
}

/**
 * One operation of the API, defined once: the server mounts it, the command line calls it, the OpenAPI document lists it.
 * JSON bodies are `z.strictObject`s, so unknown fields are refused.
 */
export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Reply extends z.ZodType = z.ZodType,
> {
  /** camelCase and unique; the `operationId` of the OpenAPI document. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Starts with `/`; `:name` is one segment, a final `*` the rest of the path (parameter `*`). */
  readonly path: string
  readonly summary: string
  readonly tag: 'authority' | 'logs' | 'timestamps' | 'anchors' | 'people' | 'admin' | 'instance'
  readonly listeners: readonly ListenerName[]
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body | RawBody
  readonly reply: Reply | RawBody
  /** The status of success. Sigstore clients insist on exact ones. */
  readonly status: number
  /** Larger bodies are refused with `http.too-large` before they are read. 0 where there is no body. */
  readonly maxBodyBytes: number
}

/** Keeps the literal types of a definition. */
export function route<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Reply extends z.ZodType,
>(definition: Route<Params, Query, Body, Reply>): Route<Params, Query, Body, Reply> {
  return definition
}

/** True where a body or reply is bytes, not JSON. */
export function isRaw(body: z.ZodType | RawBody | undefined): body is RawBody {
  return body !== undefined && 'mediaTypes' in body
}
