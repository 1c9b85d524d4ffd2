import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { readSupervisedInput } from './supervisedInput.ts'

const line = `${JSON.stringify({ ticket: 'countersign1.e30', wrappingKey: Buffer.alloc(32, 7).toString('base64') })}\n`

test('ticket and key come in one line, and the end of the pipe is the end of the supervisor', async () => {
  const input = new PassThrough()
  input.write(line)
  const { ticket, wrappingKey, supervisorGone } = await readSupervisedInput(input)
  assert.equal(ticket, 'countersign1.e30')
  assert.deepEqual(wrappingKey, new Uint8Array(32).fill(7))
  input.end()
  await supervisorGone
})

test('another line, or none, is refused without being quoted', async () => {
  for (const text of ['secret\n', '{"wrappingKey":"c2VjcmV0"}\n', '']) {
    const input = new PassThrough()
    input.end(text)
    const refused = await readSupervisedInput(input).catch((error: unknown) => error)
    assert.equal((refused as { code?: string }).code, 'validator.supervisor-unfit')
    assert.doesNotMatch(String(refused), /secret|c2VjcmV0/)
  }
})

test('a validator that has nothing more to do ends although its supervisor keeps the pipe open', async () => {
  const module = JSON.stringify(new URL('./supervisedInput.ts', import.meta.url))
  const program = `const { readSupervisedInput } = await import(${module}); await readSupervisedInput(); console.log('read')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(20_000) })
  child.stdin.write(line)
  try {
    const [code] = await exited
    assert.equal(code, 0)
  } finally {
    child.kill('SIGKILL')
  }
})
