import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type LogKind, logKey } from '@countersign/local/feed/logKey.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { leafHash, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { inclusionProof } from '@countersign/protocol/log/proof.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { knownAnchors, logKinds, policyDigest } from './crashClient.ts'
import { type Fault, select, twice } from './crashFault.ts'
import { Journal } from './crashJournal.ts'
import { isAlongJourney, journeyValues, judgeJourney } from './crashJudgeJourney.ts'
import { type RebuiltLog, rebuildLog, rootsOf } from './crashRebuild.ts'
import type { Site } from './crashSite.ts'

/** Every entry's proof would take most of the time; the newest are those that a crash can have hit. */
const provedEntries = 50

/**
 * Judges a data folder whose server has ended, by the client's journal beside it: rebuilds all four logs from their files,
 * looks up everything that was acknowledged, compares every checkpoint that was ever seen with the logs as they are now,
 * and the logs with the database. Returns what is wrong; nothing where the server kept its word.
 */
export async function judge(site: Site): Promise<Fault[]> {
  const faults: Fault[] = []
  const journal = new Journal(site.journalFile)
  const database = new DatabaseSync(path.join(site.dataFolder, 'database', 'countersign.sqlite'), { readOnly: true })
  try {
    const anchors = await knownAnchors(site)
    if (anchors === undefined) throw new Error('the client trusts nobody')
    const logs = {} as Record<LogKind, RebuiltLog>
    for (const log of logKinds) {
      const [described] = anchors.policy.logs[log]
      if (described === undefined) throw new Error(`the policy names no log of ${log}`)
      const key = logKey(described, log)
      logs[log] = rebuildLog(path.join(site.dataFolder, 'blobs', 'logs', log), key)
      faults.push(
        ...judgeCheckpoints(log, logs[log], checkpointsSeen(journal, log), (note) => openCheckpoint(note, key)),
      )
    }
    faults.push(...(await judgeEntries(journal, logs.artifacts)))
    faults.push(...judgeCertificates(journal, logs.certificates, database))
    faults.push(...judgeAudit(journal, logs.audit, database))
    faults.push(...judgeFacts(journal, valuesNow(database, policyDigest(anchors))))
    faults.push(...judgeJourney(site, { log: logs.revocations, database, anchors }))
    faults.push(...twice(journal.linesOf('stamped').map(({ serial }) => `the timestamp ${serial}`)))
  } catch (error) {
    faults.push({ kind: 'broken', message: error instanceof Error ? error.message : String(error) })
  } finally {
    database.close()
    journal.close()
  }
  return faults
}

function checkpointsSeen(journal: Journal, log: LogKind): string[] {
  const fetched = journal.linesOf('seen').flatMap((line) => (line.log === log ? line.note : []))
  return log === 'artifacts' ? [...fetched, ...journal.linesOf('logged').map(({ note }) => note)] : fetched
}

/** All checkpoints of one log are roots of its first leaves as they are now, so none of them contradicts another. */
function judgeCheckpoints(
  name: LogKind,
  log: RebuiltLog,
  notes: readonly string[],
  open: (note: string) => RebuiltLog['checkpoint'],
): Fault[] {
  const seen = [...new Set(notes)].map(open)
  const roots = rootsOf(
    log.leaves,
    seen.map(({ size }) => size),
  )
  return seen.flatMap(({ size, root }): Fault[] => {
    const now = roots.get(size)
    if (now === undefined)
      return [{ kind: 'lost', message: `a checkpoint of ${name} had ${size} entries, now there are less` }]
    if (equalBytes(now, root)) return []
    return [{ kind: 'broken', message: `a checkpoint of ${name} at ${size} entries is not a prefix of the log` }]
  })
}

/** Every acknowledged entry is where it was said to be, proves it, and is nowhere else; none waits for an answer. */
async function judgeEntries(journal: Journal, { leaves, checkpoint, read }: RebuiltLog): Promise<Fault[]> {
  const acknowledged = journal.linesOf('logged')
  const places = new Set(acknowledged.map(({ leaf, index }) => `${leaf} ${index}`))
  const faults: Fault[] = twice([...places].map((place) => `the entry ${place.split(' ')[0]}`))
  faults.push(...twice(leaves.map((leaf) => `the leaf ${leaf.toHex()}`)))
  for (const [at, place] of [...places].entries()) {
    const [leaf = '', index = ''] = place.split(' ')
    const found = leaves[Number(index)]
    if (found?.toHex() !== leaf) {
      faults.push({ kind: 'lost', message: `the entry ${leaf} was acknowledged at ${index} and is not there` })
    } else if (at >= places.size - provedEntries) {
      const { size, root } = checkpoint
      const proof = await inclusionProof(BigInt(index), size, read)
      verifyInclusion({ leaf: found, index: BigInt(index), size, proof, root })
    }
  }
  for (const { leaf } of journal.unanswered()) faults.push({ kind: 'broken', message: `nobody answered for ${leaf}` })
  return faults
}

interface CertificateRow {
  readonly serial: string
  readonly precertificate: Uint8Array
  readonly log_index: number | null
}

/** What is revoked although its certification stands, and its owner was neither removed nor has a newer certificate. */
const revokedUnasked = `SELECT serial FROM trust_revoked
  WHERE serial NOT IN (
    SELECT serial FROM trust_certificate_intents JOIN trust_certifications USING (id) WHERE ended_by IS NOT NULL
  ) AND serial NOT IN (SELECT serial FROM fleet_certificates WHERE revoked = 1)`

/** Every acknowledged certificate is at its place, and log and database hold the same certificates, each once. */
function judgeCertificates(journal: Journal, { certificates }: RebuiltLog, database: DatabaseSync): Fault[] {
  const serials = certificates.map((certificate) => parseCertificate(certificate).serialHex)
  const faults: Fault[] = twice(serials.map((serial) => `the certificate ${serial}`))
  for (const { serial, index } of journal.linesOf('issued')) {
    if (serials[Number(index)] === serial) continue
    faults.push({ kind: 'lost', message: `the certificate ${serial} was issued for ${index} and is not there` })
  }
  const rows = select<CertificateRow>(
    database,
    'SELECT serial, precertificate, log_index FROM trust_certificate_intents LEFT JOIN trust_certificate_results USING (id)',
  )
  const recorded = new Map(rows.map((row) => [row.log_index, row.precertificate]))
  for (const [index, certificate] of certificates.entries()) {
    const row = recorded.get(index)
    if (row !== undefined && equalBytes(row, certificate)) continue
    faults.push({ kind: 'lost', message: `the logged certificate ${serials[index]} is not what the database has` })
  }
  if (rows.length !== serials.length) {
    faults.push({ kind: 'broken', message: `${rows.length} certificates were intended, ${serials.length} are logged` })
  }
  for (const { serial } of select<{ serial: string }>(database, revokedUnasked)) {
    faults.push({ kind: 'broken', message: `the certificate ${serial} was revoked, and nobody asked for it` })
  }
  return faults
}

interface AuditRow {
  readonly kind: string
  readonly detail: string
  readonly leaf: Uint8Array
  readonly log_index: number | null
}

/** What `done` facts leave in the audit trail. */
const auditKinds: Readonly<Record<string, string>> = {
  invited: 'person.invited',
  gone: 'person.removed',
}

/** Trail and log hold the same entries, and every acknowledged change of a person is among them. */
function judgeAudit(journal: Journal, { leaves }: RebuiltLog, database: DatabaseSync): Fault[] {
  const rows = select<AuditRow>(database, 'SELECT kind, detail, leaf, log_index FROM account_audit_entries')
  const faults: Fault[] = rows.flatMap(({ kind, leaf, log_index: index }) => {
    const logged = index === null ? undefined : leaves[index]
    if (logged !== undefined && equalBytes(logged, leafHash(leaf))) return []
    return [{ kind: 'broken', message: `the audit entry "${kind}" is not in the log at ${index}` }]
  })
  if (new Set(rows.map((row) => row.log_index)).size !== leaves.length) {
    faults.push({ kind: 'broken', message: `the audit trail has ${rows.length} entries, its log ${leaves.length}` })
  }
  const recorded = new Set(rows.map(({ kind, detail }) => `${kind} ${JSON.parse(detail).email}`))
  for (const { fact, value } of journal.linesOf('done')) {
    const [subject, email] = fact.split(' ')
    const kind = auditKinds[value]
    if (subject !== 'person' || kind === undefined || recorded.has(`${kind} ${email}`)) continue
    faults.push({ kind: 'lost', message: `${kind} ${email} is not on record` })
  }
  return faults
}

/** A fact has the value that was acknowledged last, or one that was tried after that. People and issuers begin as gone. */
function judgeFacts(journal: Journal, now: (fact: string) => string): Fault[] {
  const allowed = new Map<string, string[]>()
  for (const line of journal.lines()) {
    if (line.what === 'done') allowed.set(line.fact, [line.value])
    if (line.what === 'tried') allowed.set(line.fact, [...(allowed.get(line.fact) ?? ['gone']), line.value])
  }
  return [...allowed].flatMap(([fact, values]): Fault[] => {
    if (values.includes(now(fact))) return []
    return [{ kind: 'lost', message: `${fact} is ${now(fact)}, should be ${values.join(' or ')}` }]
  })
}

function valuesNow(database: DatabaseSync, policy: string): (fact: string) => string {
  const column = (sql: string) => new Set(select<{ name: string }>(database, sql).map(({ name }) => name))
  const people = column('SELECT email AS name FROM account_people')
  const invited = column('SELECT email AS name FROM account_invitations')
  const issuers = column('SELECT url AS name FROM account_outside_issuers')
  const journey = journeyValues(database)
  return (fact) => {
    const [subject, name = ''] = fact.split(' ')
    if (subject === 'policy') return policy
    if (isAlongJourney(subject)) return journey.get(fact) ?? 'gone'
    if (subject === 'issuer') return issuers.has(name) ? 'listed' : 'gone'
    return people.has(name) ? 'member' : invited.has(name) ? 'invited' : 'gone'
  }
}
