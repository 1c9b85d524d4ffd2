import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { revocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import { writeRecord } from '@countersign/protocol/revocation/record.ts'
import { add, change, type Defect } from './crashDefect.ts'
import { baseOf } from './crashEstablish.ts'
import type { Site } from './crashSite.ts'

const validatorDatabase = 'validator/database/validator.sqlite'

/** Ways to wrong whoever submitted, released or runs something; each in a site with one certification, release and device. */
export const journeyDefects: readonly Defect[] = [
  {
    name: 'a submission that was certified and is gone',
    kind: 'lost',
    plant: (site) => change(site, 'DELETE FROM artifacts_submissions'),
  },
  {
    name: 'a second number for one artifact that was submitted once',
    kind: 'duplicate',
    plant: (site) =>
      change(
        site,
        `INSERT INTO trust_certifications
         SELECT id + 1000, authority, number + 1000, '00', sha256, validator, not_before_ms, not_after_ms, ended_by
         FROM trust_certifications`,
      ),
  },
  {
    name: 'a number that the server forgot',
    kind: 'lost',
    plant: (site) => change(site, 'DELETE FROM trust_certifications'),
  },
  {
    name: 'a certification that the server ended and its validator counts as active',
    kind: 'broken',
    plant: (site) => change(site, 'UPDATE trust_certifications SET ended_by = 1'),
  },
  {
    name: 'an advisory that reached a certification and ended nothing',
    kind: 'broken',
    plant: (site) => change(site, "UPDATE certify_certifications SET state = 'ended'", validatorDatabase),
  },
  {
    name: 'an end that was acknowledged and does not count',
    kind: 'lost',
    plant: (site) => add(site, { what: 'done', fact: 'certification 1', value: 'ended' }),
  },
  {
    name: 'a record that the log knows nothing of',
    kind: 'broken',
    plant: (site) => record(site, 'an advisory'),
  },
  {
    name: 'a second record that ends the same number',
    kind: 'duplicate',
    plant: (site) => {
      record(site, 'an advisory')
      record(site, 'the same advisory')
    },
  },
  {
    name: 'a release counter given to other bytes',
    kind: 'lost',
    plant: (site) => add(site, { what: 'done', fact: 'release files/stable/1', value: '00'.repeat(32) }),
  },
  {
    name: 'a release that was written and never distributed',
    kind: 'lost',
    plant: (site) => change(site, 'UPDATE fleet_releases SET counter = 2'),
  },
  {
    name: 'a device that enrolled and is gone',
    kind: 'lost',
    plant: (site) => change(site, "DELETE FROM fleet_members WHERE kind = 'devices'"),
  },
  {
    name: 'a device whose reports went back',
    kind: 'lost',
    plant: (site) => change(site, "UPDATE fleet_reports SET went_back = 'report counter 1 after 2'"),
  },
  {
    name: 'a device that forgot a report that it made',
    kind: 'lost',
    plant: (site) => changeState(site, (state) => ({ ...state, reportCounter: 0 })),
  },
  {
    name: 'a device that would take a lower release',
    kind: 'lost',
    plant: (site) => changeState(site, (state) => ({ ...state, highest: [] })),
  },
  { name: 'a program that outlived its agent', kind: 'broken', plant: runBase },
]

/** Stores a record that ends the first certification, beside the log. */
function record(site: Site, reason: string): void {
  const payload = writeRecord({
    scope: 'certifications',
    effect: 'ended',
    authority: '00'.repeat(32),
    numbers: [1n],
    reason,
    issuedAt: new Date(0),
  })
  const leaf = Buffer.from(revocationLeaf(payload, [])).toString('hex')
  change(
    site,
    `INSERT INTO trust_revocations (leaf, payload_hash, kind, reach, written_ms, log_index)
     VALUES (x'${leaf}', '${reason}', 'record', '{}', 0, 0)`,
  )
}

function changeState(site: Site, edit: (state: Record<string, unknown>) => Record<string, unknown>): void {
  const file = path.join(site.deviceFolder, 'state.json')
  writeFileSync(file, JSON.stringify(edit(JSON.parse(readFileSync(file, 'utf8')))))
}

/** Ends by itself soon after the judge has looked. */
function runBase(site: Site): void {
  const cwd = path.join(site.deviceFolder, 'releases', baseOf(site).sha256, 'files')
  spawn('sleep', ['5'], { cwd, stdio: 'ignore' }).unref()
}
