import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { followLog } from '@countersign/local/feed/followLog.ts'
import { openLogReader } from '@countersign/local/feed/logReader.ts'
import { type CertificateSource, readCertificates, submittedOf } from '@countersign/local/feed/readCertificates.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { CtEntry } from '@countersign/protocol/log/staticCt.ts'
import { TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import type { PolicyLog } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import { readCertificationExtension } from '@countersign/protocol/x509/certification.ts'
import { keepForged, type NamedCertificate, noteEnded, positionIn } from './forgedStore.ts'

/** What following the certificate log stands on. */
export interface FollowCertificatesDeps {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  /** `<public-url>/validators/<name>`: what certificates of this validator name. */
  readonly subject: string
  /** The verified anchors of this moment. */
  anchors(): Anchors
}

/** Data tiles of one run: 65,536 entries. A log that is farther ahead is caught up with in several runs. */
const MAX_TILES = 256
const TIMEOUT_MS = 5_000

/**
 * Looks through the new entries of every certificate log of the instance for certificates in this validator's name whose
 * key it never had: whoever has the keys of the authority, or this validator's client key, certifies in its name, and no one
 * else can tell. Each is kept durably and needs attention until approvers have ended it (`forgedAttention`): a validator's
 * own key ends certifications only for an advisory (design 5), and there is none. The log has to continue what was read
 * before; a fork is kept as evidence. Goes on where it stopped, also after a crash. Returns how many it found.
 * Throws what `followLog` and `readCertificates` throw. Not seen: a certificate whose promise (SCT) the log never kept.
 */
export async function followCertificates(deps: FollowCertificatesDeps, signal?: AbortSignal): Promise<number> {
  let found = 0
  for (const log of deps.anchors().policy.logs.certificates) found += await readNewEntries(deps, log, signal)
  await noteEnded(deps)
  return found
}

async function readNewEntries(
  deps: FollowCertificatesDeps,
  log: PolicyLog,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { database, clock, logger, subject } = deps
  const anchors = deps.anchors()
  const { witnesses } = anchors.policy
  const reading = { clock, trust: tlsTrust(anchors), timeoutMs: TIMEOUT_MS, witnesses, ...(signal && { signal }) }
  const { checkpoint } = await followLog(log, 'certificates', anchors.folder, reading)
  const reader = openLogReader(log.url, reading)
  let next = await positionIn(database, log.origin)
  let found = 0
  for (let tiles = 0; next < checkpoint.size && tiles < MAX_TILES; tiles++) {
    signal?.throwIfAborted()
    // The reader keeps the tiles it fetched, so each data tile has one of its own.
    const source: CertificateSource = { checkpoint, reader, tiles: reader.tiles(checkpoint.size) }
    const index = next / BigInt(TILE_WIDTH)
    const entries = await readCertificates(source, index)
    const first = index * BigInt(TILE_WIDTH)
    const named = entries.flatMap((entry, at) => {
      const logIndex = first + BigInt(at)
      return logIndex < next ? [] : namedIn(entry, logIndex, subject)
    })
    next = first + BigInt(entries.length)
    const forged = await keepForged(deps, { origin: log.origin, next, named })
    for (const { logIndex, serial, number } of forged) {
      logger.error(
        { log: log.origin, logIndex: String(logIndex), serial, number },
        'a certificate in our name is forged',
      )
    }
    found += forged.length
  }
  return found
}

/** The certificate of an entry where it names this validator. */
function namedIn(entry: CtEntry, logIndex: bigint, subject: string): NamedCertificate[] {
  // The name stands in the certificate letter by letter; most entries are somebody else's and need no parsing.
  if (!Buffer.from(entry.certificate).includes(subject)) return []
  const certificate = submittedOf(entry)
  if (!certificate.subjectAltNames.some(({ type, value }) => type === 'uri' && value === subject)) return []
  const authority = entry.precertificate?.issuerKeyHash
  return [
    {
      logIndex,
      ...(authority && { authority: toHex(authority) }),
      ...certifiedBy(certificate),
      serial: certificate.serialHex,
      spki: certificate.spki,
      notAfter: certificate.notAfter,
    },
  ]
}

/** Number and digest of the certification; none where the certificate is not one of a certification, as no verifier takes it for. */
function certifiedBy(certificate: Certificate): Pick<NamedCertificate, 'number' | 'sha256'> {
  try {
    const mark = readCertificationExtension(certificate)
    const [digest] = mark?.digests ?? []
    return mark === undefined ? {} : { number: mark.number, ...(digest && { sha256: toHex(digest) }) }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return {}
  }
}
