import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { mustCover } from './coverage.ts'
import { missingLine, readGuide, type Section } from './guide.ts'

const guide = path.resolve(import.meta.dirname, '..', '..', '..', 'docs', 'first-hour.md')

/** Reads a guide that consists of `lines`. */
function read(...lines: readonly string[]): Section[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-guide-'))
  try {
    writeFileSync(path.join(folder, 'guide.md'), `${['# Title', '', '## 1. Part', '', ...lines].join('\n')}\n`)
    return readGuide(path.join(folder, 'guide.md'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const block = ['```sh', 'true', '```', '']
const shown = ['```text', 'done', '```', '']

test('the first hour says of every block where to type it and what comes out, and leaves nothing out', () => {
  mustCover(readGuide(guide))
})

test('a guide without one of its steps is refused', () => {
  const sections = readGuide(guide)
  const shorter = sections.filter(({ title }) => !title.includes('A second device'))
  assert.throws(() => mustCover(shorter), /second device/)
  const untold = sections.map(({ title, steps }) => ({
    title,
    steps: steps.filter((step) => step.do !== 'type' || !step.text.includes('bert.passphrase --yes')),
  }))
  assert.throws(() => mustCover(untold), /approver/)
})

test('a block without a place, or without what is seen, is refused', () => {
  assert.throws(() => read('Now this:', '', ...block, ...shown), /not said where to type/)
  assert.throws(() => read('On the server:', '', ...block, 'And so on.'), /nothing is shown/)
  assert.throws(() => read('On the server:', '', ...block, ...shown, ...shown), /not said where this is seen/)
})

test('places, terminals, exit codes, copies and Ctrl-C are read from the sentences', () => {
  const [section] = read(
    ...['On both machines:', '', ...block, 'It prints nothing, and ends with exit code 3.', ''],
    ...['On the server, in a new terminal *log*:', '', ...block, ...shown],
    ...['Copy `~/a/b` from the server to the second machine.', '', 'In the terminal *log* you see:', '', ...shown],
    'Press Ctrl-C in the terminals *log* and *other*.',
  )
  const [first, second, ...rest] = section?.steps ?? []
  assert.ok(first?.do === 'type' && second?.do === 'type')
  assert.deepEqual([first.place.machines.length, first.status, first.staysOpen], [2, 3, false])
  assert.deepEqual([second.place.terminal, second.status, second.staysOpen], ['log', 0, true])
  assert.deepEqual(rest, [
    { do: 'copy', file: 'a/b', from: 'server', to: 'second machine' },
    { do: 'look', terminal: 'log', shown: ['done'] },
    { do: 'interrupt', terminals: ['log', 'other'] },
  ])
})

test('what is shown must come out in whole lines and in order', () => {
  const output = 'one\ntwo\nthree\n'
  assert.equal(missingLine(['one', '…', 'th…'], output), undefined)
  assert.equal(missingLine(['three', 'one'], output), 'one')
  assert.equal(missingLine(['on'], output), 'on')
})
