import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import {
  type ArtifactsFixture,
  anna,
  bert,
  certifyText,
  hexSha256,
  inPieces,
  openArtifactsFixture,
  storeSigned,
  submitText,
} from './artifactsFixture.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { putArtifact } from './putArtifact.ts'
import { type RemoveDeps, removeLeftovers, removeUnsubmitted, UNSUBMITTED_KEPT_MS } from './removeUnsubmitted.ts'
import { reportSubmission } from './reportSubmission.ts'
import { submit } from './submit.ts'

const CRASH_HOOK = Symbol.for('countersign.crashPoint')
const hooks = globalThis as { [CRASH_HOOK]?: (name: string) => void }

let fixture: ArtifactsFixture
let files: string
let released: Set<string>
let deps: RemoveDeps

before(async () => {
  fixture = await openArtifactsFixture()
  files = join(fixture.folder, 'artifacts', 'files')
  released = new Set()
  deps = { ...fixture.deps, isReleased: async (_tables, sha256) => released.has(sha256) }
})
after(() => fixture.close())
// Each test begins with what is old enough gone.
beforeEach(async () => {
  fixture.clock.advance(UNSUBMITTED_KEPT_MS + 1)
  await removeUnsubmitted(deps)
})

async function upload(text: string): Promise<string> {
  const pieces = inPieces(text)
  return (await putArtifact(fixture.deps, anna, { sha256: hexSha256(text), sizeBytes: text.length, pieces })).sha256
}

async function rows(): Promise<string[]> {
  const tables = fixture.deps.database.tables<ArtifactsTables>()
  return (await tables.selectFrom('artifacts_stored').select('sha256').execute()).map(({ sha256 }) => sha256)
}

async function isThere(sha256: string): Promise<[file: boolean, row: boolean]> {
  return [readdirSync(files).includes(sha256), (await rows()).includes(sha256)]
}

/** Ends what is under way at a crash point, as a death of the process would. */
async function dyingAt(point: string, work: () => Promise<unknown>): Promise<void> {
  hooks[CRASH_HOOK] = (name) => {
    if (name === point) throw new Error(`died at ${point}`)
  }
  try {
    await assert.rejects(work(), /died at/)
  } finally {
    delete hooks[CRASH_HOOK]
  }
}

describe('removeUnsubmitted', () => {
  it('removes what nobody submitted within a day, and not an hour earlier', async () => {
    const sha256 = await upload('forgotten')
    fixture.clock.advance(UNSUBMITTED_KEPT_MS)
    await removeUnsubmitted(deps)
    assert.deepEqual(await isThere(sha256), [true, true])
    fixture.clock.advance(1)
    await removeUnsubmitted(deps)
    assert.deepEqual(await isThere(sha256), [false, false])
  })

  it('keeps what was ever submitted, also where it was refused, and what was certified', async () => {
    const waiting = await submitText(fixture, 'waiting')
    const failed = await submitText(fixture, 'failed')
    const failure = { code: 'certify.product-unknown', message: 'nobody says what it is' }
    await reportSubmission(fixture.deps, 'embedded', failed.submission.id, { state: 'failed', failure })
    const certified = await certifyText(fixture, 'certified', { number: 7n })
    fixture.clock.advance(365 * UNSUBMITTED_KEPT_MS)
    await removeUnsubmitted(deps)
    for (const { sha256 } of [waiting, failed, certified]) assert.deepEqual(await isThere(sha256), [true, true])
  })

  it('keeps what a certification or a release names, whatever the submissions say', async () => {
    const { sha256 } = await certifyText(fixture, 'certified without a submission', { number: 8n })
    await fixture.deps.database.transaction<ArtifactsTables, void>('test', async (trx) => {
      await trx.deleteFrom('artifacts_submissions').where('sha256', '=', sha256).execute()
    })
    const shipped = await upload('released')
    released.add(shipped)
    fixture.clock.advance(UNSUBMITTED_KEPT_MS + 1)
    await removeUnsubmitted(deps)
    for (const one of [sha256, shipped]) assert.deepEqual(await isThere(one), [true, true])
  })

  it('counts from the last upload, whoever made it, and leaves it to who stored it first', async () => {
    const sha256 = await upload('twice')
    fixture.clock.advance(UNSUBMITTED_KEPT_MS)
    await putArtifact(fixture.deps, bert, { sha256, sizeBytes: 5, pieces: inPieces() })
    fixture.clock.advance(UNSUBMITTED_KEPT_MS)
    await removeUnsubmitted(deps)
    assert.deepEqual(await isThere(sha256), [true, true])
    const tables = fixture.deps.database.tables<ArtifactsTables>()
    const row = await tables.selectFrom('artifacts_stored').selectAll().where('sha256', '=', sha256).executeTakeFirst()
    assert.equal(row?.subject, anna.subject)
  })

  it('an upload of the same bytes while they are removed ends with file and row, or with neither', async () => {
    const sha256 = await upload('at once')
    fixture.clock.advance(UNSUBMITTED_KEPT_MS + 1)
    await Promise.all([removeUnsubmitted(deps), upload('at once'), removeUnsubmitted(deps), upload('at once')])
    assert.deepEqual(await isThere(sha256), [true, true])
  })

  it('what was removed while it was submitted is artifacts.unknown-artifact, and no submission names it', async () => {
    const signed = await storeSigned(fixture, 'too late')
    fixture.clock.advance(UNSUBMITTED_KEPT_MS + 1)
    // As it is for a submission that saw the file just before it went.
    const store = { ...fixture.deps.store, statArtifact: async () => 8 }
    await removeUnsubmitted(deps)
    const request = { ...signed, name: 'late.tar.gz', validators: ['embedded'] }
    await assert.rejects(submit({ ...fixture.deps, store }, anna, request), { code: 'artifacts.unknown-artifact' })
    const tables = fixture.deps.database.tables<ArtifactsTables>()
    const mail = await tables
      .selectFrom('artifacts_submissions')
      .selectAll()
      .where('sha256', '=', signed.sha256)
      .execute()
    assert.deepEqual(mail, [])
  })

  for (const point of [
    'artifacts.file-removed:before',
    'artifacts.file-removed:after',
    'artifacts.unsubmitted:before',
  ] as const) {
    it(`a crash at ${point}: the next run finishes it, or the next upload repairs it`, async () => {
      const sha256 = await upload(`crash at ${point}`)
      fixture.clock.advance(UNSUBMITTED_KEPT_MS + 1)
      await dyingAt(point, () => removeUnsubmitted(deps))
      await removeLeftovers(deps)
      await upload(`crash at ${point}`)
      assert.deepEqual(await isThere(sha256), [true, true])
      fixture.clock.advance(UNSUBMITTED_KEPT_MS + 1)
      await dyingAt(point, () => removeUnsubmitted(deps))
      await removeUnsubmitted(deps)
      assert.deepEqual(await isThere(sha256), [false, false])
    })
  }
})

describe('removeLeftovers', () => {
  it('removes the file of an upload that a crash cut off before or after it was whole, and nothing else', async () => {
    const kept = await upload('kept')
    const named = await submitText(fixture, 'named')
    await fixture.deps.database.transaction<ArtifactsTables, void>('test', async (trx) => {
      await trx.deleteFrom('artifacts_stored').where('sha256', '=', named.sha256).execute()
    })
    await dyingAt('artifacts.stored:before', () => upload('whole, and nobody was told'))
    writeFileSync(join(files, `.${hexSha256('half')}.0123456789ab.tmp`), 'ha')
    const before = readdirSync(files)
    await removeLeftovers(deps)
    const gone = before.filter((name) => !readdirSync(files).includes(name))
    assert.deepEqual(
      gone.sort(),
      [`.${hexSha256('half')}.0123456789ab.tmp`, hexSha256('whole, and nobody was told')].sort(),
    )
    assert.deepEqual(await isThere(kept), [true, true])
    assert.equal(readdirSync(files).includes(named.sha256), true)
  })
})
