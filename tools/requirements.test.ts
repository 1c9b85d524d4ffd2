import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import {
  type Requirement,
  type RequirementEvidence,
  readRequirements,
  requirementIds,
  requirementProblems,
  statusTable,
  withStatusTable,
} from './requirementRows.ts'
import { testFiles } from './testFiles.ts'
import { treeRoot } from './tidy/tree.ts'

const rows = readRequirements(readFileSync(path.join(treeRoot, 'docs/requirements.md'), 'utf8'))

function read(name: string): string | undefined {
  const file = path.join(treeRoot, name)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

test('every requirement is listed, and what is not open is shown by tests that run', () => {
  const evidence = {
    read,
    testFiles: testFiles(treeRoot),
    scripts: JSON.parse(read('package.json') ?? '{}').scripts,
    ci: read('.ci/run') ?? '',
  }
  assert.deepEqual(requirementProblems(rows, evidence), [])
})

test('the README shows the states as they are', () => {
  const readme = read('README.md') ?? ''
  assert.equal(readme, withStatusTable(readme, rows), 'run: node tools/run.cjs tools/requirements.ts --write')
})

const planted: RequirementEvidence = {
  read: (name) =>
    name === 'a.test.ts'
      ? "test('signs', f)\ntest('waits', { skip: true }, f)\n"
      : name === 'b.test.ts'
        ? ''
        : undefined,
  testFiles: ['a.test.ts'],
  scripts: { 'test:interop': 'x', 'test:unused': 'y' },
  ci: 'npm run test:interop\n',
}

function all(changed: Partial<Requirement>): Requirement[] {
  return requirementIds.map((id) => ({ id, text: 'x', state: 'open', tests: [], ...(id === 'A1' && changed) }))
}

for (const [why, changed, problem] of [
  ['a state without a test', { state: 'done' }, 'A1: done without a test'],
  ['a test that is gone', { state: 'thin', tests: ['gone.test.ts'] }, 'A1: no such test: gone.test.ts'],
  ['a test that nobody runs', { state: 'thin', tests: ['b.test.ts'] }, 'A1: npm test does not run b.test.ts'],
  ['a title that is gone', { state: 'thin', tests: ['a.test.ts: verifies'] }, 'A1: a.test.ts has no test "verifies"'],
  ['a test that is skipped', { state: 'thin', tests: ['a.test.ts: waits'] }, 'A1: a.test.ts skips "waits"'],
  ['a script that is gone', { state: 'thin', tests: ['npm run test:gone'] }, 'A1: no such script: test:gone'],
  [
    'a script that nobody calls',
    { state: 'thin', tests: ['npm run test:unused'] },
    'A1: .ci/run does not call test:unused',
  ],
] as const) {
  test(`notices ${why}`, () => assert.deepEqual(requirementProblems(all(changed), planted), [problem]))
}

test('notices a missing, a repeated and an invented id', () => {
  const [first, ...others] = all({})
  assert.ok(first)
  const invented = [...others, { ...first, id: 'A2' }, { ...first, id: 'A10' }]
  assert.deepEqual(requirementProblems(invented, planted), [
    'A1 is missing',
    'A2 is there twice',
    'A10 was never asked for',
  ])
})

test('what is shown by tests that run passes', () => {
  const tests = ['a.test.ts', 'a.test.ts: signs', 'npm run test:interop']
  assert.deepEqual(requirementProblems(all({ state: 'done', tests }), planted), [])
})

test('the table names every id under its state', () => {
  const [, , certification] = statusTable(all({ state: 'thin' })).split('\n')
  assert.equal(certification, '| A | Certification | | A1 | A2 A3 A4 A5 A6 A7 A8 A9 |')
})
