import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import type { FeedKnowledge } from '@countersign/local/feed/knowledge.ts'
import { watchRenewed } from '@countersign/local/feed/watchRenewed.ts'
import { getCertificationsRoute } from '@countersign/protocol/api/artifacts.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { endingsOf } from '@countersign/protocol/decide/endingsOf.ts'
import type { Ending, LoggedRevocation, VerifiedCertification } from '@countersign/protocol/decide/facts.ts'
import { verifyCertification } from '@countersign/protocol/decide/verifyCertification.ts'
import type { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { printable } from '../output/checkTable.ts'
import type { Terminal } from '../output/terminal.ts'
import { readArtifact } from './artifact.ts'

/** What `countersign watch` takes. */
export interface WatchOptions {
  readonly instance?: string
}

/** One artifact that is watched, with the certifications it had when the watch began. */
interface Watched {
  readonly name: string
  readonly sha256: string
  readonly certifications: readonly VerifiedCertification[]
}

const POLL_MS = 60_000
const TIMEOUT_MS = 5_000
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/**
 * `countersign watch`: prints what ends trust, as it comes, until Ctrl-C. With artifacts only what ends them or their
 * certifications, also what ended before. A record whose signer a new policy names is told as soon as that policy is known.
 * Returns 0.
 */
export async function watch(names: readonly string[], options: WatchOptions, terminal: Terminal): Promise<number> {
  const deps = { clock: systemClock, timeoutMs: TIMEOUT_MS, signal: terminal.signal }
  const { anchors } = await refreshAnchors(await openAnchors(options.instance), deps)
  const root = parseTrustedRoot(anchors.target('trusted_root.json'))
  const target = { url: anchors.url, trust: tlsTrust(anchors) }
  const watched: Watched[] = []
  for (const name of names) {
    const { digest } = await terminal.during(`reading ${name}`, () => readArtifact(name, 'sha256', terminal.signal))
    const sha256 = toHex(digest)
    const input = { params: { sha256 }, maxBytes: MAX_ANSWER_BYTES, signal: terminal.signal }
    const { certifications } = await call(target, getCertificationsRoute, input)
    const verified = certifications.flatMap(({ certification }) => {
      const { certification: one } = verifyCertification(parseBundle(certification), artifactDigest(digest), root)
      return one === undefined ? [] : [one]
    })
    watched.push({ name, sha256, certifications: verified })
  }
  const told = new Set<string>()
  let isFirst = true
  await watchRenewed(
    anchors,
    {
      async onKnowledge({ knowledge }: FeedKnowledge) {
        // What was logged before somebody watched everything is no news.
        if (names.length === 0) tellRecords(knowledge.records, told, isFirst ? undefined : terminal)
        else for (const one of watched) tellEndings(one, knowledge.records, told, terminal)
        if (isFirst) terminal.note(`watching ${anchors.url}; ${knowledge.records.length} records so far`)
        isFirst = false
      },
      onTrouble: (trouble: CodedError) => terminal.note(`${printable(trouble.message)} (${trouble.code})`),
    },
    { clock: systemClock, signal: terminal.signal, pollMs: POLL_MS, timeoutMs: TIMEOUT_MS },
  )
  return 0
}

/** Without a terminal nothing is said; the records count as told. */
function tellRecords(records: readonly LoggedRevocation[], told: Set<string>, terminal: Terminal | undefined): void {
  for (const { number, origin, authorised } of records) {
    const key = `${origin} ${number}`
    if (told.has(key)) continue
    told.add(key)
    const { record, by } = authorised
    const { issuedAt, reason, advisories = [], severity, action, replacement, effect, scope } = record
    const about = aboutOf(record)
    terminal?.result({
      record: number,
      origin,
      effect,
      scope,
      about,
      by,
      advisories,
      severity,
      action,
      replacement,
      reason,
      issuedAt,
    })
    terminal?.line(
      `${issuedAt.toISOString()}  record ${number}: ${effect}, ${about}  by ${by.map(printable).join(', ')}`,
    )
    terminal?.line(`  ${printable(reason)}`)
  }
}

function tellEndings(one: Watched, records: readonly LoggedRevocation[], told: Set<string>, terminal: Terminal): void {
  for (const ending of endingsOf(records, { sha256: one.sha256, certifications: one.certifications })) {
    const key = `${one.name} ${ending.record.origin} ${ending.record.number} ${ending.certification?.number}`
    if (told.has(key)) continue
    told.add(key)
    terminal.result({ artifact: one.name, sha256: one.sha256, ...ending })
    terminal.line(`${ending.issuedAt.toISOString()}  ${printable(one.name)}: ${wordsOf(ending)}`)
    terminal.line(`  ${printable(ending.reason)}`)
    if (ending.replacement !== undefined) terminal.line(`  use instead: ${printable(ending.replacement)}`)
  }
}

function wordsOf({ covers, certification, effect, record }: Ending): string {
  const what = certification === undefined ? `its ${covers}` : `certification ${certification.number}`
  return `${what} ${effect} by record ${record.number}`
}

function aboutOf(record: RevocationRecord): string {
  if (record.effect === 'lifted') return `record with the leaf hash ${record.amends}`
  switch (record.scope) {
    case 'certifications':
      return `${record.numbers.length} certifications (${record.numbers.slice(0, 5).join(', ')}${record.numbers.length > 5 ? ', …' : ''})`
    case 'digest':
      return `sha256:${record.digest}`
    case 'certificate':
      return `certificate ${record.certificate}`
    case 'identity':
      return `${printable(record.identity.subject)} (${printable(record.identity.issuer)})`
  }
}
