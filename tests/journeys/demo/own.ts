/**
 * `npm run demo:own`: the demo with a package and an advisory of the caller's choice, for programs. Its last line has to be one
 * object with every figure that is promised, and the promised values where they do not depend on the machine.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import { mustRun } from '../../support/runProgram.ts'

const advisory = path.join(import.meta.dirname, 'advisories', 'initial', 'GHSA-xvch-5gv4-984h.json')
const own = ['--package', 'http-server@14.1.1', '--pin', 'minimist@1.2.5', '--fixed', 'minimist@1.2.8']
const start = ['--start', 'http-server public -p ${PORT} -a 127.0.0.1', '--advisory', advisory]
const demo = [process.execPath, path.join(import.meta.dirname, 'main.ts'), '--json', ...own, ...start]

const { stdout } = await mustRun(demo, { timeoutMs: 10 * 60_000 })
const told = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
for (const name of ['signMs', 'certifyMs', 'components', 'advisories', 'timeToStopMs']) {
  assert.ok(Number(told[name]) > 0, `${name} is ${told[name]}`)
}
assert.equal(told.gaps, 0)
assert.equal((told.endedNumbers as unknown[]).length, 1)
const promised = {
  bystanderVerifies: true,
  bystanderPidUnchanged: true,
  endedByUnrelatedAdvisory: 0,
  wentBackTo: '1.0.0',
  oldVersionVerifies: false,
  newVersionVerifies: true,
}
for (const [name, value] of Object.entries(promised)) assert.equal(told[name], value, name)
console.log(`demo:own: ${Object.keys(told).length} fields as promised; stopped after ${told.timeToStopMs} ms`)
