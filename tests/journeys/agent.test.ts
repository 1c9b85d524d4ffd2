import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { call } from '@countersign/local/calls/call.ts'
import { assignRoute, createDeviceTicketRoute, listDevicesRoute } from '@countersign/protocol/api/devices.ts'
import { countersignAgent } from '../support/programs.ts'
import { mustRun, runProgram } from '../support/runProgram.ts'
import { startInstance } from '../support/startInstance.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'

const WAIT_MS = 30_000

test('a device enrols by its ticket, reports, learns what it is assigned, and waits for a release', () =>
  inTemporaryFolder('countersign-agent-', async (folder) => {
    const instance = await startInstance({ dataFolder: path.join(folder, 'instance') })
    try {
      const admin = { socketPath: path.join(instance.dataFolder, 'admin.sock') }
      const { ticket } = await call(admin, createDeviceTicketRoute, {
        body: { device: 'front', group: 'shops', validityHours: 1 },
      })
      const data = path.join(folder, 'front')
      const enrol = [...countersignAgent, 'enrol', '--ticket-file', '-', '--json', '--data']
      const enrolled = JSON.parse((await mustRun([...enrol, data], { input: ticket })).stdout)
      assert.deepEqual([enrolled.name, enrolled.url], ['front', instance.publicUrl])
      for (const file of readdirSync(data).filter((name) => name.startsWith('device.') || name.endsWith('.json'))) {
        assert.equal(statSync(path.join(data, file)).mode & 0o077, 0, `${file} is for the agent alone`)
      }

      const again = await runProgram([...enrol, path.join(folder, 'thief')], { input: ticket })
      assert.equal(again.status, 1, 'a ticket that was used enrols no other key')
      assert.ok(!again.stdout.includes(ticket) && !again.stderr.includes(ticket))

      await call(admin, assignRoute, {
        body: { to: { kind: 'group', name: 'shops' }, assignment: { product: 'files', channel: 'stable' } },
      })
      const [program = '', ...script] = countersignAgent
      const agent = spawn(program, [...script, 'run', '--data', data, '--poll', '1'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [agent.stdout, agent.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text
        })
      }
      for (const until = performance.now() + WAIT_MS; !output.includes('releases.none'); ) {
        assert.ok(performance.now() < until && agent.exitCode === null, output)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const { devices } = await call(admin, listDevicesRoute, {})
      assert.deepEqual(
        devices.map(({ name, group, state, report }) => [name, group, state, report?.counter]),
        [['front', 'shops', 'admitted', 1]],
      )
      const status = JSON.parse((await mustRun([...countersignAgent, 'status', '--json', '--data', data])).stdout)
      assert.deepEqual(status.assignment, { product: 'files', channel: 'stable' })
      assert.equal(status.running, undefined)
      agent.kill('SIGTERM')
      assert.deepEqual(await once(agent, 'exit'), [0, null], output)
    } finally {
      await instance.stop()
    }
  }))
