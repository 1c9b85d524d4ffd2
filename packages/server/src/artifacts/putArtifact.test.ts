import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ArtifactsFixture, anna, bert, hexSha256, inPieces, openArtifactsFixture } from './artifactsFixture.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { type ArtifactUpload, MAX_PERSON_BYTES, putArtifact } from './putArtifact.ts'

const GIB = 1024 ** 3

let fixture: ArtifactsFixture
let files: string

before(async () => {
  fixture = await openArtifactsFixture()
  files = join(fixture.folder, 'artifacts', 'files')
})
after(() => fixture.close())

function upload(text: string, changes: Partial<ArtifactUpload> = {}): ArtifactUpload {
  return { sha256: hexSha256(text), sizeBytes: text.length, pieces: inPieces(text), ...changes }
}

/** The fixture's place with a disk on which this much is free. */
function withFree(bytes: number) {
  return { ...fixture.deps, store: { ...fixture.deps.store, freeBytes: async () => bytes } }
}

async function stored(sha256: string) {
  const tables = fixture.deps.database.tables<ArtifactsTables>()
  return tables.selectFrom('artifacts_stored').selectAll().where('sha256', '=', sha256).executeTakeFirst()
}

async function read(sha256: string): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of fixture.deps.store.readArtifact(sha256)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

test('an artifact is stored under its digest for whoever brought it first, however it arrives', async () => {
  const sha256 = hexSha256('one two')
  const asked = upload('one two', { pieces: inPieces('one', '', ' two'), sizeBytes: undefined })
  assert.deepEqual(await putArtifact(fixture.deps, anna, asked), { sha256, sizeBytes: 7 })
  assert.equal(await read(sha256), 'one two')
  assert.deepEqual(await putArtifact(fixture.deps, bert, upload('one two')), { sha256, sizeBytes: 7 })
  assert.equal((await stored(sha256))?.subject, 'anna')
})

test('what is there already is not read again; what was damaged on the disk is replaced', async () => {
  const { sha256 } = await putArtifact(fixture.deps, anna, upload('kept'))
  const untouched = upload('kept', {
    // biome-ignore lint/correctness/useYield: it must not even be started
    pieces: (async function* () {
      throw new Error('was read')
    })(),
  })
  await putArtifact(fixture.deps, bert, untouched)
  writeFileSync(join(files, sha256), 'ke')
  await assert.rejects(putArtifact(fixture.deps, bert, untouched), /was read/)
  await putArtifact(fixture.deps, bert, upload('kept'))
  assert.equal(await read(sha256), 'kept')
})

test('many uploads of the same artifact at once: all succeed, and it is stored once', async () => {
  const all = Array.from({ length: 10 }, () => putArtifact(fixture.deps, anna, upload('shared')))
  assert.equal(new Set((await Promise.all(all)).map(({ sha256 }) => sha256)).size, 1)
  assert.equal(await read(hexSha256('shared')), 'shared')
})

test('other bytes than the digest says, and an upload that breaks off, leave nothing', async () => {
  const before = readdirSync(files)
  await assert.rejects(putArtifact(fixture.deps, anna, upload('wanted', { pieces: inPieces('brought') })), {
    code: 'files.digest-wrong',
  })
  const broken = (async function* () {
    yield* inPieces('half')
    throw new Error('connection reset')
  })()
  await assert.rejects(putArtifact(fixture.deps, anna, upload('half of it', { pieces: broken })), /connection reset/)
  assert.deepEqual(readdirSync(files), before)
  assert.equal(await stored(hexSha256('wanted')), undefined)
})

test('artifacts.no-space: what would leave less than the reserve, or has no size and might, is not begun', async () => {
  const asked = upload('big')
  await assert.rejects(putArtifact(withFree(GIB + 2), anna, asked), { code: 'artifacts.no-space' })
  await assert.rejects(putArtifact(withFree(2 * GIB), anna, { ...asked, sizeBytes: undefined }), {
    code: 'artifacts.no-space',
  })
  assert.equal(await stored(asked.sha256), undefined)
  assert.equal((await putArtifact(withFree(GIB + 3), anna, asked)).sizeBytes, 3)
})

test('artifacts.quota: a person stores only so many bytes; others, and what is stored already, go on', async () => {
  const person = { ...anna, subject: 'hoarder' }
  await putArtifact(fixture.deps, person, upload('first'))
  await fixture.deps.database.transaction<ArtifactsTables, void>('test', async (trx) => {
    const row = { ...person, sha256: '5a'.repeat(32), size_bytes: MAX_PERSON_BYTES - 10, stored_ms: 0 }
    await trx.insertInto('artifacts_stored').values(row).execute()
  })
  await assert.rejects(putArtifact(fixture.deps, person, upload('six777')), { code: 'artifacts.quota' })
  const unsized = upload('six777', { sizeBytes: undefined })
  await assert.rejects(putArtifact(fixture.deps, person, unsized), { code: 'files.too-large' })
  await putArtifact(fixture.deps, person, upload('first'))
  await putArtifact(fixture.deps, person, upload('five5'))
  await assert.rejects(putArtifact(fixture.deps, person, upload('1', { sizeBytes: undefined })), {
    code: 'artifacts.quota',
  })
  await putArtifact(fixture.deps, anna, upload('six777'))
})
