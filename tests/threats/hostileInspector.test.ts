import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS } from 'countersign-validator/inspector/confinement.ts'
import { type Inspection, inspect } from 'countersign-validator/inspector/inspect.ts'
import { inspectorCommand, probeProtections } from 'countersign-validator/inspector/protections.ts'
import { runConfined } from 'countersign-validator/inspector/runConfined.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'

const program = path.resolve(import.meta.dirname, '../support/hostileInspector.ts')

type Attack = 'look around' | 'memory' | 'loop' | 'flood'

/** Hands the hostile inspector its orders in place of an artifact, next to a key and a listener that it may go for. */
async function attacked<T>(
  attack: Attack,
  work: (orders: string, sha256: string, sizeBytes: number) => Promise<T>,
): Promise<T> {
  return inTemporaryFolder('countersign-hostile-', async (folder) => {
    const keyPath = path.join(folder, 'key.pem')
    await writeFile(keyPath, 'the key of the validator')
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const orders = JSON.stringify({ attack, keyPath, port, parent: process.pid })
    const file = path.join(folder, 'artifact')
    await writeFile(file, orders)
    // A descriptor that a careless parent would hand down.
    const open = openSync(keyPath, 'r')
    try {
      return await work(file, createHash('sha256').update(orders).digest('hex'), orders.length)
    } finally {
      closeSync(open)
      server.close()
    }
  })
}

function inspected(attack: Attack, timeoutMs: number): Promise<Inspection> {
  return attacked(attack, (file, sha256, sizeBytes) => inspect({ path: file, sha256, sizeBytes, program, timeoutMs }))
}

function isIncomplete({ catalogue }: Inspection, detail: RegExp): void {
  assert.deepEqual(
    catalogue.gaps.map(({ code }) => code),
    ['gap.inspector-died'],
  )
  assert.match(catalogue.gaps[0]?.detail ?? '', detail)
  assert.deepEqual(catalogue.components, [])
}

describe('a hostile inspector', () => {
  it('is confined by at least one layer on this machine', async () => {
    const active = (await probeProtections()).filter((one) => one.active)
    assert.notEqual(active.length, 0, 'no layer confines the inspector here')
  })

  it('reads no system file and no key, reaches no listener, starts no process, signals nobody, inherits nothing', async () => {
    await attacked('look around', async (file) => {
      const result = await runConfined(await inspectorCommand('list', program), { path: file })
      assert.ok('output' in result, JSON.stringify(result))
      const { got } = JSON.parse(Buffer.from(result.output).toString()) as { got: string[] }
      assert.deepEqual(got, [])
    })
  })

  it('would get all of that unconfined, so the attacks are real', async () => {
    await attacked('look around', async (file) => {
      const result = await runConfined([process.execPath, program], { path: file })
      assert.ok('output' in result, JSON.stringify(result))
      const { got } = JSON.parse(Buffer.from(result.output).toString()) as { got: string[] }
      for (const one of [
        'system file',
        'key of the validator',
        'loopback',
        'process',
        'parent',
        'validator by its id',
      ]) {
        assert.ok(got.includes(one), `not even unconfined: ${one}`)
      }
      assert.ok(!got.some((one) => one.startsWith('descriptor') || one === 'environment'), got.join(', '))
    })
  })

  it('whose answer is not a listing gives an incomplete catalogue', async () => {
    isIncomplete(await inspected('look around', 60_000), /not of its own form/)
  })

  it('that takes 4 GB is ended', async () => {
    isIncomplete(await inspected('memory', 60_000), /ended with/)
  })

  it('that loops for ever is ended', async () => {
    isIncomplete(await inspected('loop', 3000), /took more than 3000 ms/)
  })

  it('that talks without end is ended', async () => {
    isIncomplete(await inspected('flood', 60_000), new RegExp(`more than ${DEFAULT_LIMITS.outputBytes} bytes`))
  })
})
