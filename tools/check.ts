/** `npm run check`: types, lint and formatting, and the rules of the tree. */
import { spawnSync } from 'node:child_process'

const steps: readonly (readonly [string, readonly string[]])[] = [
  ['types', ['node_modules/typescript/bin/tsc', '--noEmit']],
  ['lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']],
  ['tidy', ['--test', 'tools/tidy.test.ts']],
]
for (const [name, command] of steps) {
  console.log(`check: ${name}`)
  const run = spawnSync(process.execPath, command, { stdio: 'inherit' })
  if (run.status !== 0) process.exit(1)
}
console.log('check: passed')
