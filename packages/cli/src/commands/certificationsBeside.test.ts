import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { certificationsBeside } from './certificationsBeside.ts'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-beside-'))
})
after(() => rmSync(folder, { recursive: true }))

function write(...names: readonly string[]): void {
  for (const name of names) writeFileSync(join(folder, name), '')
}

async function found(name: string): Promise<string[]> {
  return (await certificationsBeside(join(folder, name))).map((path) => basename(path))
}

test('one certification, or one for each validator, and nothing else of the same submission', async () => {
  write('one', 'one.sigstore.json', 'one.certification.sigstore.json', 'one.sbom.sigstore.json')
  assert.deepEqual(await found('one'), ['one.certification.sigstore.json'])
  write('two', 'two.lab.certification.sigstore.json', 'two.embedded.certification.sigstore.json')
  write('two.lab.sbom.sigstore.json', 'two.lab.findings.sigstore.json')
  assert.deepEqual(await found('two'), [
    'two.embedded.certification.sigstore.json',
    'two.lab.certification.sigstore.json',
  ])
})

test('an artifact whose name begins like another’s keeps its certification for itself', async () => {
  write('pump', 'pump.tar', 'pump.tar.certification.sigstore.json', 'pumped.certification.sigstore.json')
  assert.deepEqual(await found('pump'), [])
  assert.deepEqual(await found('pump.tar'), ['pump.tar.certification.sigstore.json'])
})

test('nothing beside it, and a folder that is not there', async () => {
  assert.deepEqual(await found('nothing'), [])
  assert.deepEqual(await certificationsBeside(join(folder, 'absent', 'file')), [])
})
