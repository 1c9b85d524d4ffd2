import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { createAnchors } from './anchors/createAnchors.ts'
import { type CreateRootsDeps, createRoots } from './authority/createRoots.ts'
import { openOnlineIssuers, readIssuerCertificates } from './authority/issuers.ts'
import type { TrustFacts } from './facts.ts'
import { publishCrls, publishRootCrls } from './revocation/publishCrls.ts'

/** What the ceremony needs: the database migrated, and both key stores. */
export interface CreateTrustDeps extends CreateRootsDeps {
  readonly blobs: Blobs
}

/**
 * Everything about a new instance that needs a root key: both X.509 roots with their authorities and revocation lists,
 * and the first TUF root. Afterwards only root operations open `rootKeys` again. Durable when this resolves; after a
 * crash it is called again and goes on. The targets are published later, by the running instance.
 */
export async function createTrust(deps: CreateTrustDeps, facts: TrustFacts): Promise<void> {
  await createRoots(deps, facts)
  await publishRootCrls(deps, facts)
  const issuers = await openOnlineIssuers(await readIssuerCertificates(deps.database), deps.onlineKeys)
  await publishCrls({ ...deps, issuers }, facts)
  await createAnchors(deps)
}
