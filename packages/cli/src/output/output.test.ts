import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { checkTable, printable } from './checkTable.ts'
import { errorRow, explainError } from './errorRow.ts'
import { startProgress } from './progress.ts'

const kinds: readonly (readonly [string, number])[] = [
  ['bundle.digest-wrong', 1],
  ['json.syntax', 1],
  ['x509.expired', 1],
  ['ticket.malformed', 1],
  ['policy.version-newer', 2],
  ['decide.stale', 2],
  ['anchors.unreachable', 2],
  ['feed.forked', 1],
  ['calls.timeout', 2],
  ['files.no-space', 2],
  ['files.fsync-failed', 70],
  ['cli.usage', 64],
  ['cli.own-result-wrong', 70],
]
for (const [code, exit] of kinds) {
  test(`${code} ends with ${exit} and says what to do`, async () => {
    const explained = await explainError(new CodedError(code, 'what happened'))
    assert.equal(explained.exit, exit)
    assert.match(explained.whatToDo, /\.|<ticket>$|login$/)
    assert.equal(explained.message, 'what happened')
  })
}

test('a code that only a server knows is judged by its HTTP status', async () => {
  const by = async (status: number) =>
    (await explainError(new CodedError('account.x', 'm', { detail: { status } }))).exit
  assert.deepEqual([await by(400), await by(403), await by(429), await by(500), await by(503)], [1, 1, 2, 2, 2])
  assert.equal(await errorRow('account.x'), undefined)
})

test('anything without a code is a defect', async () => {
  assert.equal((await explainError(new TypeError('x'))).exit, 70)
  assert.equal((await explainError('x')).exit, 70)
})

test('a table of checks lists every one, with codes of failures and without control characters', () => {
  assert.deepEqual(
    checkTable([
      { name: 'a', result: 'passed', detail: 'fine' },
      { name: 'long', result: 'failed', code: 'x.y', detail: 'bad\u001b[2J' },
      { name: 'b', result: 'not checked', detail: 'needs a' },
    ]),
    ['  a     passed       fine', '  long  FAILED       bad\u{fffd}[2J (x.y)', '  b     not checked  needs a'],
  )
  assert.equal(printable('a\u202eb'), 'a\u{fffd}b')
})

test('progress shows only what takes over a second, and clears its line on a terminal', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const written: string[] = []
  const stream = { isTTY: true, write: (text: string) => written.push(text) }
  const quick = startProgress('quick', stream)
  context.mock.timers.tick(900)
  quick.stop()
  assert.deepEqual(written, [])
  const slow = startProgress('signing', stream)
  slow.say('1 of 2')
  context.mock.timers.tick(1000)
  context.mock.timers.tick(200)
  slow.stop()
  assert.equal(written.length, 3)
  assert.match(written[0] ?? '', /signing: 1 of 2/)
  assert.equal(written.at(-1), '\r\u001b[2K')
})

test('progress without a terminal is a plain line now and then', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const written: string[] = []
  const slow = startProgress('signing', { write: (text: string) => written.push(text) })
  for (let elapsed = 0; elapsed < 25; elapsed++) context.mock.timers.tick(1000)
  slow.stop()
  assert.equal(written.length, 3)
  for (const line of written) assert.match(line, /^signing … \d+ s\n$/)
})
