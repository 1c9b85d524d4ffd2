import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { readOptions } from './options.ts'

const schema = z.strictObject({
  publicUrl: z.url({ protocol: /^https$/ }),
  listen: z.string().default('0.0.0.0:8443'),
  maxEntries: z.coerce.number().int().max(10).optional(),
})

test('the command line wins over the environment, which wins over the default', () => {
  const environment = { COUNTERSIGN_PUBLIC_URL: 'https://env.example', COUNTERSIGN_MAX_ENTRIES: '7', OTHER: 'x' }
  assert.deepEqual(readOptions(schema, { flags: { publicUrl: 'https://flag.example', unrelated: 1 }, environment }), {
    publicUrl: 'https://flag.example',
    listen: '0.0.0.0:8443',
    maxEntries: 7,
  })
  assert.equal(readOptions(schema, { flags: {}, environment }).publicUrl, 'https://env.example')
})

test('a wrong value is named by where it came from, without the value', () => {
  const environment = { COUNTERSIGN_MAX_ENTRIES: '700' }
  const flags = { publicUrl: 'swordfish' }
  assert.throws(
    () => readOptions(schema, { flags, environment: {} }),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'config.invalid')
      assert.match(error.message, /^--public-url: /)
      assert.doesNotMatch(error.message, /swordfish/)
      return true
    },
  )
  assert.throws(() => readOptions(schema, { flags: { publicUrl: 'https://a.example' }, environment }), {
    message: /^COUNTERSIGN_MAX_ENTRIES: /,
  })
  assert.throws(() => readOptions(schema, { flags: {}, environment: {} }), { message: /^--public-url: / })
})
