import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS, limitCommand } from './confinement.ts'
import { probeLayers } from './protections.ts'
import { runConfined } from './runConfined.ts'

const NOTHING = { chunks: (async function* () {})() }

/** Node.js as it inspects, holding so many MiB that nobody has written to: the limits count them, the machine does not. */
async function holding(megabytes: number) {
  const { layers } = await probeLayers()
  const limits = layers.limits ? limitCommand(DEFAULT_LIMITS, false) : []
  const script = `
    const reserved = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
    const held = Array.from({ length: ${megabytes / 64} }, () => Buffer.allocUnsafeSlow(64 * 1024 * 1024))
    process.stdout.write(String(held.length * 64))`
  const node = [process.execPath, `--max-old-space-size=${DEFAULT_LIMITS.heapMegabytes}`, '--disable-wasm-trap-handler']
  return runConfined([...limits, ...node, '-e', script], NOTHING)
}

test('the limits leave a GiB to work with, beside the addresses that Node.js only reserves', async () => {
  const result = await holding(1024)
  assert.ok('output' in result, JSON.stringify(result))
  assert.equal(Buffer.from(result.output).toString(), '1024')
})

test('the limits end a process that takes 4 GiB, where the machine has limits', async () => {
  const { layers } = await probeLayers()
  assert.equal('died' in (await holding(4096)), layers.limits)
})
