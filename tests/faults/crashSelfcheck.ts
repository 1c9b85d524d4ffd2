import { globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { mustRun } from '../support/runProgram.ts'
import { logEntry, newEntry, openClient } from './crashClient.ts'
import { add, change, type Defect } from './crashDefect.ts'
import { Journal, type JournalLine, type JournalOf } from './crashJournal.ts'
import { judge } from './crashJudge.ts'
import { journeyDefects } from './crashSelfcheckJourney.ts'
import type { Site } from './crashSite.ts'

/** From the end of a data tile: behind the signature of the last submitted certificate come two fingerprints, 66 bytes. */
const inSubmittedSignature = 66 + 20

const defects: readonly Defect[] = [
  { name: 'a server that forgot what it acknowledged', kind: 'lost', plant: forget },
  {
    name: 'an acknowledgement that the log knows nothing of',
    kind: 'lost',
    plant: (site) => add(site, { ...loggedLater(site), leaf: '00'.repeat(32) }),
  },
  {
    name: 'one entry acknowledged at two places',
    kind: 'duplicate',
    plant: (site) => add(site, { ...loggedLater(site), index: '0' }),
  },
  {
    name: 'a certificate at another place than its SCT says',
    kind: 'lost',
    plant: (site) => add(site, { what: 'issued', serial: '01', index: '0' }),
  },
  {
    name: 'a timestamp serial number used twice',
    kind: 'duplicate',
    plant: (site) => add(site, lineOf(site, 'stamped')),
  },
  { name: 'a changed byte in a tile', kind: 'broken', plant: (site) => flip(site, 'artifacts/tile/0/000') },
  {
    name: 'a changed byte in an older partial tile',
    kind: 'broken',
    plant: (site) => flip(site, 'audit/tile/0/000.p/*'),
  },
  {
    name: 'a changed byte in an entry bundle',
    kind: 'broken',
    plant: (site) => flip(site, 'artifacts/tile/entries/000'),
  },
  {
    name: 'a changed byte in a certificate that no leaf covers',
    kind: 'lost',
    plant: (site) => flip(site, 'certificates/tile/data/000.p/*', inSubmittedSignature),
  },
  { name: 'a missing tile', kind: 'broken', plant: (site) => rmSync(fileOf(site, 'artifacts/tile/0/000')) },
  {
    name: 'a logged certificate without its row',
    kind: 'lost',
    plant: (site) => change(site, 'DELETE FROM trust_certificate_results WHERE log_index = 0'),
  },
  {
    name: 'an audit entry without its row',
    kind: 'broken',
    plant: (site) => change(site, 'DELETE FROM account_audit_entries WHERE log_index = 1'),
  },
  {
    name: 'a person who was welcomed and is gone',
    kind: 'lost',
    plant: (site) => add(site, { what: 'done', fact: 'person nobody@example.org', value: 'member' }),
  },
  {
    name: 'an operator’s policy that was not kept',
    kind: 'lost',
    plant: (site) => add(site, { what: 'done', fact: 'policy', value: '00' }),
  },
]

/**
 * Plants each defect into a copy of a site that the judge found whole: a server's own, and those of the journey into one that
 * a validator and a device have worked on. Returns how many it does not notice.
 */
export async function proveJudge(whole: Site, travelling: Site): Promise<number> {
  const planted = [
    ...defects.map((defect) => ({ ...defect, into: whole })),
    ...journeyDefects.map((defect) => ({ ...defect, into: travelling })),
  ]
  let unnoticed = 0
  for (const { name, kind, plant, into } of planted) {
    const site = await into.copyTo('defect')
    await plant(site)
    const faults = await judge(site)
    if (faults.some((fault) => fault.kind === kind)) continue
    unnoticed += 1
    console.log(`THE JUDGE DID NOTICE NOTHING OF ${name}`)
  }
  console.log(`defects planted to test the judge ${planted.length}, noticed ${planted.length - unnoticed}`)
  return unnoticed
}

/** The real thing: entries are logged and acknowledged, then the data folder is what it was before. */
async function forget(site: Site): Promise<void> {
  const before = `${site.dataFolder}.before`
  await mustRun(['cp', '-a', site.dataFolder, before])
  const journal = new Journal(site.journalFile)
  const instance = await site.start()
  try {
    const client = await openClient(site, instance, journal)
    for (let count = 0; count < 3; count += 1) await logEntry(client, newEntry())
  } finally {
    await instance.kill()
    journal.close()
  }
  rmSync(site.dataFolder, { recursive: true })
  renameSync(before, site.dataFolder)
}

/** The first line of a kind that fits. */
function lineOf<What extends JournalLine['what']>(
  site: Site,
  what: What,
  fits: (line: JournalOf<What>) => boolean = () => true,
): JournalOf<What> {
  const journal = new Journal(site.journalFile)
  const line = journal.linesOf(what).find(fits)
  journal.close()
  if (line === undefined) throw new Error(`the journal has no such line "${what}"`)
  return line
}

function loggedLater(site: Site): JournalOf<'logged'> {
  return lineOf(site, 'logged', ({ index }) => index !== '0')
}

function fileOf(site: Site, pattern: string): string {
  const folder = path.join(site.dataFolder, 'blobs', 'logs')
  const [found] = globSync(pattern, { cwd: folder }).sort()
  if (found === undefined) throw new Error(`no log has a file ${pattern}`)
  return path.join(folder, found)
}

/** Changes one byte of a file: in the middle, or as far from the end as is said. */
function flip(site: Site, pattern: string, fromEnd?: number): void {
  const file = fileOf(site, pattern)
  const bytes = readFileSync(file)
  const at = bytes.length - (fromEnd ?? Math.ceil(bytes.length / 2))
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
}
