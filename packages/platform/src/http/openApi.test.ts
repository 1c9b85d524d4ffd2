import assert from 'node:assert/strict'
import { test } from 'node:test'
import { route } from '@countersign/protocol/api/route.ts'
import { z } from 'zod'
import { openApi } from './openApi.ts'

const BASE = { summary: 'Does it', tag: 'logs', listeners: ['https'] } as const

const postRoute = route({
  ...BASE,
  id: 'addThing',
  method: 'POST',
  path: '/things/:name',
  params: z.strictObject({ name: z.string().max(9) }),
  query: z.strictObject({ times: z.coerce.number().default(1), kind: z.enum(['a', 'b']) }),
  body: z.strictObject({ text: z.string().max(5), count: z.number().default(3) }),
  reply: z.strictObject({ ok: z.boolean() }),
  status: 201,
  maxBodyBytes: 100,
})
const getRoute = route({
  ...BASE,
  id: 'getTile',
  method: 'GET',
  path: '/things/*',
  reply: { mediaTypes: ['application/octet-stream'] },
  status: 200,
  maxBodyBytes: 0,
})

type Described = { paths: Record<string, Record<string, Record<string, unknown>>>; [name: string]: unknown }

test('routes are described with parameters, bodies, answers and refusals', () => {
  const info = { title: 'Test', version: '1.0.0', serverUrl: 'https://sign.example.org' }
  const described = openApi([postRoute, getRoute], info) as unknown as Described
  assert.equal(described.openapi, '3.1.0')
  assert.deepEqual(described.servers, [{ url: 'https://sign.example.org' }])
  const post = described.paths['/things/{name}']?.post
  assert.deepEqual(post?.parameters, [
    { name: 'name', in: 'path', required: true, schema: { type: 'string', maxLength: 9 } },
    { name: 'times', in: 'query', required: false, schema: { default: 1, type: 'number' } },
    { name: 'kind', in: 'query', required: true, schema: { type: 'string', enum: ['a', 'b'] } },
  ])
  assert.deepEqual(post?.requestBody, {
    required: true,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: { text: { type: 'string', maxLength: 5 }, count: { default: 3, type: 'number' } },
          required: ['text'],
          additionalProperties: false,
        },
      },
    },
  })
  const responses = post?.responses as Record<string, { content: Record<string, unknown> }>
  assert.deepEqual(Object.keys(responses), ['201', 'default'])
  assert.deepEqual(Object.keys(responses.default?.content ?? {}), ['application/problem+json'])
  assert.deepEqual(described.paths['/things/{path}']?.get?.parameters, [
    { name: 'path', in: 'path', required: true, schema: { type: 'string' } },
  ])
})

test('the document is plain JSON', () => {
  const described = openApi([postRoute, getRoute], { title: 'Test', version: '1.0.0' })
  assert.deepEqual(JSON.parse(JSON.stringify(described)), described)
})
