import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { type CtEntry, decodeDataTile } from '@countersign/protocol/log/staticCt.ts'
import { TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import type { TransparencyLog } from '../../log/transparencyLog.ts'
import type { CertificateStore } from '../authority/certificateStore.ts'
import { trustError } from '../errors.ts'
import { readState, writeState } from '../trustState.ts'
import type { TrustTables } from '../trustTables.ts'
import { revokeCertificate } from './revokeCertificate.ts'
import { type FoundCertificate, noteUnrecorded } from './unrecordedCertifications.ts'

/** What the comparison stands on. */
export interface RevokeUnrecordedDeps {
  readonly database: Database
  readonly clock: Clock
  readonly store: CertificateStore
  readonly outbox: Pick<Outbox, 'emit'>
  /** The certificate log. */
  readonly log: Pick<TransparencyLog, 'head' | 'readEntries'>
  /** Told of every number of a certification that somebody else has used, before this resolves. */
  usedNumber?(authority: string, number: bigint): void
}

/** A logged certificate that nobody here intended. */
export interface Unrecorded {
  readonly issuerKeyId: string
  readonly serial: string
  readonly logIndex: number
}

/**
 * Compares the certificate log with the database, from the last compared entry on, and revokes every certificate that is
 * logged but was never recorded: someone else had a key, or the database was put back. A certification among them is noted
 * as well, because it needs attention: devices do not read revocation lists. For a job. Each tile's revocations and the
 * place reached are stored in one transaction. Returns what was revoked, for the operator and the audit trail.
 */
export async function revokeUnrecorded(deps: RevokeUnrecordedDeps): Promise<Unrecorded[]> {
  const revoked: Unrecorded[] = []
  const size = Number(deps.log.head().size)
  // Asked after the size and before the results: whatever is logged below that size is in one of the two answers.
  const underWay = await deps.store.readUnderWay(await readState(deps.database, 'certificates.settled'))
  let from = await readState(deps.database, 'certificates.compared')
  while (from < size) {
    const to = Math.min(size, (Math.floor(from / TILE_WIDTH) + 1) * TILE_WIDTH)
    const { unrecorded, compared } = await compareTile(deps, { from, to, underWay: underWay.serials })
    await store(deps, unrecorded, { compared, settled: underWay.settled })
    revoked.push(...unrecorded.map(({ certificate: _, ...rest }) => rest))
    // An entry on its way through this process: everything before it is compared, the next run goes on there.
    if (compared < to) break
    from = to
  }
  return revoked
}

type Found = Unrecorded & FoundCertificate

async function compareTile(
  deps: RevokeUnrecordedDeps,
  { from, to, underWay }: { from: number; to: number; underWay: ReadonlySet<string> },
): Promise<{ unrecorded: Found[]; compared: number }> {
  const entries = await readTile(deps.log, from, to)
  const recorded = await deps.store.readLoggedSerials(from, to)
  const unrecorded: Found[] = []
  for (const [position, entry] of entries.entries()) {
    const logIndex = from + position
    const certificate = parseCertificate(entry.precertificate?.submitted ?? entry.certificate)
    const serial = certificate.serialHex
    if (recorded.get(logIndex) === serial) continue
    if (underWay.has(serial)) return { unrecorded, compared: logIndex }
    const issuerKeyId = toHex(entry.precertificate?.issuerKeyHash ?? new Uint8Array(0))
    unrecorded.push({ issuerKeyId, serial, logIndex, certificate })
  }
  return { unrecorded, compared: to }
}

/** The entries from `from` up to but not including `to`, which lie in one tile. */
async function readTile(log: RevokeUnrecordedDeps['log'], from: number, to: number): Promise<CtEntry[]> {
  const tile = Math.floor(from / TILE_WIDTH)
  const width = to - tile * TILE_WIDTH
  // Once the tile is full its partial may be gone.
  const bytes = (await log.readEntries(BigInt(tile), width)) ?? (await log.readEntries(BigInt(tile), TILE_WIDTH))
  if (bytes === undefined) throw trustError('trust.log-unreadable', `the certificate log has no data tile ${tile}`)
  return decodeDataTile(bytes, { maxEntries: TILE_WIDTH }).slice(from - tile * TILE_WIDTH, width)
}

async function store(
  deps: RevokeUnrecordedDeps,
  unrecorded: readonly Found[],
  reached: { compared: number; settled: number },
): Promise<void> {
  const now = deps.clock.now()
  const noted = await deps.database.transaction<TrustTables, UsedNumber[]>('trust.compared', async (trx) => {
    for (const { issuerKeyId, serial, certificate } of unrecorded) {
      // Nobody was entitled to it at any time, so it counts from its beginning.
      const notBefore = new Date(Math.min(certificate.notBefore.getTime(), now.getTime()))
      await revokeCertificate(
        { trx, outbox: deps.outbox, now },
        {
          issuerKeyId,
          serial,
          effect: { kind: 'ended', notBefore },
          reason: 'unspecified',
        },
      )
    }
    await writeState(trx, 'certificates.compared', reached.compared)
    await writeState(trx, 'certificates.settled', reached.settled)
    return noteUnrecorded(trx, unrecorded, now)
  })
  for (const { authority, number } of noted) deps.usedNumber?.(authority, number)
}

type UsedNumber = Awaited<ReturnType<typeof noteUnrecorded>>[number]
