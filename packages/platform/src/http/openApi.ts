import { isRaw, type RawBody, type Route } from '@countersign/protocol/api/route.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { z } from 'zod'
import { PROBLEM_MEDIA_TYPE } from './problem.ts'

/** The head of an OpenAPI document. */
export interface OpenApiInfo {
  readonly title: string
  readonly version: string
  readonly description?: string
  /** Where the API is, without a final slash. */
  readonly serverUrl?: string
}

type JsonObject = { [key: string]: JsonValue }

const PROBLEM: JsonObject = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'message'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    message: { type: 'string' },
  },
}

/** How callers prove who they are; a route's `caller` says which one it takes. */
const SECURITY_SCHEMES: JsonObject = {
  identityToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  clientCertificate: { type: 'mutualTLS' },
}

/** Describes `routes` as an OpenAPI 3.1 document, from the same schemas that the server checks requests with. */
export function openApi(routes: readonly Route[], info: OpenApiInfo): JsonValue {
  const { serverUrl, ...head } = info
  const paths: { [path: string]: JsonObject } = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: { ...head },
    ...(serverUrl === undefined ? {} : { servers: [{ url: serverUrl }] }),
    paths,
    components: { schemas: { Problem: PROBLEM }, securitySchemes: SECURITY_SCHEMES },
  }
}

function operation(route: Route): JsonObject {
  const parameters = [...pathParameters(route), ...queryParameters(route)]
  return {
    operationId: route.id,
    summary: route.summary,
    tags: [route.tag],
    ...(route.caller !== undefined && { security: [{ [securityOf(route.caller)]: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: content(route.body, 'input') } }),
    responses: {
      [String(route.status)]: { description: 'Done', content: content(route.reply, 'output') },
      default: {
        description: 'Refused or failed; `code` says why',
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

function securityOf(caller: NonNullable<Route['caller']>): string {
  return caller === 'identity' ? 'identityToken' : 'clientCertificate'
}

function pathParameters(route: Route): JsonObject[] {
  const properties = propertiesOf(route.params)
  const names = route.path.match(/:\w+|\*$/g) ?? []
  return names.map((found) => {
    const name = found === '*' ? '*' : found.slice(1)
    const schema = properties[name] ?? { type: 'string' }
    return { name: found === '*' ? 'path' : name, in: 'path', required: true, schema }
  })
}

function queryParameters(route: Route): JsonObject[] {
  const required = route.query === undefined ? [] : (schemaOf(route.query, 'input').required as string[] | undefined)
  return Object.entries(propertiesOf(route.query)).map(([name, schema]) => {
    return { name, in: 'query', required: required?.includes(name) ?? false, schema }
  })
}

function propertiesOf(schema: z.ZodType | undefined): JsonObject {
  if (schema === undefined) return {}
  return (schemaOf(schema, 'input').properties as JsonObject | undefined) ?? {}
}

function content(body: z.ZodType | RawBody, side: 'input' | 'output'): JsonObject {
  if (!isRaw(body)) return { 'application/json': { schema: schemaOf(body, side) } }
  return Object.fromEntries(body.mediaTypes.map((type) => [type, {}]))
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonObject
  return described
}
