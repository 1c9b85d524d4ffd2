/** `npm test`: every unit, contract, vector and journey test that needs neither root nor another language's clients. */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

const only = process.argv.slice(2)
const files = globSync(
  only.length > 0
    ? only
    : [
        'packages/*/src/**/*.test.ts',
        'tools/**/*.test.ts',
        'tests/vectors/**/*.test.ts',
        'tests/journeys/*.test.ts',
        'tests/faults/*.test.ts',
        'docs/**/*.test.ts',
      ],
).sort()
if (files.length === 0) {
  console.error('no test files found')
  process.exit(64)
}
const run = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files], { stdio: 'inherit' })
process.exit(run.status ?? 70)
