import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { createLogger } from './logger.ts'

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = []
  write(createLogger({ level: 'info', name: 'test', destination: { write: (line) => lines.push(line) } }))
  return lines.map((line) => JSON.parse(line))
}

test('a line has time, level, name, message and fields; less important ones are left out', () => {
  const lines = logged((logger) => {
    logger.debug('not this')
    logger.info({ size: 5n, at: new Date(0), bytes: new Uint8Array(7) }, 'appended')
  })
  assert.equal(lines.length, 1)
  const { time, ...rest } = lines[0] ?? {}
  assert.match(String(time), /^\d{4}-/)
  assert.deepEqual(rest, {
    level: 'info',
    name: 'test',
    msg: 'appended',
    size: '5',
    at: '1970-01-01T00:00:00.000Z',
    bytes: '[7 bytes]',
  })
})

test('secret fields are blanked at every depth, in bindings, lists and errors', () => {
  const secret = 'hunter2'
  const fields = {
    authorization: secret,
    headers: { Cookie: secret, 'set-cookie': [secret], accept: 'kept' },
    list: [{ deep: { refresh_token: secret, clientSecret: secret, privateKey: secret, passphrase: secret } }],
    key: secret,
    keyId: 'kept',
  }
  const error = new CodedError('x.y', 'failed', { detail: { token: secret }, cause: new Error('inner') })
  const lines = logged((logger) => {
    logger.info(fields, 'one')
    logger.child({ token: secret }).info('two')
    logger.error({ err: error }, 'three')
    logger.error(error)
  })
  const text = JSON.stringify(lines)
  assert.doesNotMatch(text, /hunter2/)
  assert.equal(text.match(/kept/g)?.length, 2)
  const [failed, alone] = lines.slice(2).map((line) => line.err as { code: string; cause: { message: string } })
  assert.deepEqual([failed?.code, failed?.cause.message, alone?.code], ['x.y', 'inner', 'x.y'])
})

test('a token inside a text is blanked', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'
  const [line] = logged((logger) => logger.info({ reason: `refused ${token} here`, err: new Error(token) }, 'x'))
  assert.equal(line?.reason, 'refused [token] here')
  assert.doesNotMatch(JSON.stringify(line), /c2lnbmF0dXJl/)
})

test('what is too deep, too long or circular does not fill the log', () => {
  const circular: Record<string, unknown> = { text: 'x'.repeat(100_000), list: Array(10_000).fill(1) }
  circular.self = circular
  const [line] = logged((logger) => logger.info(circular, 'x'))
  assert.ok(JSON.stringify(line).length < 60_000)
})
