import assert from 'node:assert/strict'
import type { RunResult } from './runProgram.ts'

/** Asserts how a program ended, and that everything in `said` stands somewhere in its output. */
export function expectRun(run: RunResult, status: number, ...said: readonly (string | RegExp)[]): void {
  const output = `${run.stdout}${run.stderr}`
  assert.equal(run.status, status, output)
  for (const one of said) {
    const isThere = typeof one === 'string' ? output.includes(one) : one.test(output)
    assert.ok(isThere, `${one} is missing in:\n${output}`)
  }
}
