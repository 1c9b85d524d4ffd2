import type { z } from 'zod'

/** Sockets that serve a route. `https` is the instance's own, `http` the plain listener, `admin` the local socket. */
export type ListenerName = 'https' | 'http' | 'admin'

/** A body that is not JSON: which media types are taken, or which one is answered. */
export interface RawBody {
  readonly mediaTypes: readonly string[]
  /**
   * True where the bytes are handed over as they come and never held whole: artifacts, and answers that do not end.
   * A request's handler then gets an `AsyncIterable<Uint8Array>` that ends with `http.too-large` above `maxBodyBytes`.
   */
  readonly stream?: boolean
}

/** The parts of the API that certify, revoke and deliver. */
export type ApiTag = 'artifacts' | 'certifications' | 'revocations' | 'devices' | 'enrolment'

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
  readonly tag: 'authority' | 'logs' | 'timestamps' | 'anchors' | 'people' | 'admin' | 'instance' | ApiTag
  readonly listeners: readonly ListenerName[]
  /**
   * Who may call: absent, anyone; `identity`, the bearer of an identity token; `validator` or `device`, whoever proves it
   * by a client certificate of the device root.
   */
  readonly caller?: 'identity' | 'validator' | 'device'
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
