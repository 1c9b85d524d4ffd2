import type { Transaction } from 'kysely'
import { revokeCertificate } from '../trust/revocation/revokeCertificate.ts'
import type { TrustTables } from '../trust/trustTables.ts'
import { type Callers, openCallers } from './callers.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { FleetTables } from './fleetTables.ts'
import { finishReleases, type ReleaseDeps } from './releases.ts'
import type { ValidatorsDeps } from './validators.ts'

/** What the fleet of a running instance stands on. */
export type OpenFleetDeps = Omit<ReleaseDeps & ValidatorsDeps, 'callers'>

/** Members, devices and releases of a running instance. */
export interface Fleet extends ReleaseDeps, ValidatorsDeps {
  readonly callers: Callers
  /** Puts superseded certificates whose grace is over on the revocation lists, and notes who called. For a job. */
  tidy(): Promise<void>
}

/** Opens the fleet, and publishes the releases that a crash left written but not published. */
export async function openFleet(deps: OpenFleetDeps): Promise<Fleet> {
  const fleet = { ...deps, callers: await openCallers(deps) }
  await finishReleases(fleet)
  return { ...fleet, tidy: () => tidy(fleet) }
}

async function tidy({ database, clock, outbox, callers }: FleetDeps): Promise<void> {
  const now = clock.now()
  const ended = await database
    .tables<FleetTables>()
    .selectFrom('fleet_certificates')
    .select(['serial', 'issuer_key_id', 'superseded_ms'])
    .where('superseded_ms', '<=', now.getTime())
    .where('revoked', '=', 0)
    .where('not_after_ms', '>=', now.getTime())
    .limit(1000)
    .execute()
  const seen = [...callers.takeSeen().values()]
  if (ended.length === 0 && seen.length === 0) return
  await database.transaction<FleetTables, void>('fleet.tidy', async (trx) => {
    for (const { serial, issuer_key_id: issuerKeyId, superseded_ms: from } of ended) {
      const effect = { kind: 'distrusted', from: new Date(from ?? now.getTime()) } as const
      await revokeCertificate(
        { trx: trx as unknown as Transaction<TrustTables>, outbox, now },
        { issuerKeyId, serial, effect, reason: 'superseded' },
      )
      await trx.updateTable('fleet_certificates').set({ revoked: 1 }).where('serial', '=', serial).execute()
    }
    for (const { kind, name, at } of seen) {
      const values = { last_seen_ms: at.getTime() }
      await trx.updateTable('fleet_members').set(values).where('kind', '=', kind).where('name', '=', name).execute()
    }
  })
}
