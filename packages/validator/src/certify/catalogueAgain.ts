import { existsSync } from 'node:fs'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import type { CertifyDeps, PendingIndex } from './certifyDeps.ts'
import type { StoredCertification } from './certifyStore.ts'
import type { CertifyTables } from './certifyTables.ts'
import { openCatalogue } from './judge.ts'
import { artifactPath } from './keepArtifact.ts'

/**
 * Catalogues the artifacts of active certifications again that an older inspector catalogued, one after the other, so that
 * advisories reach what only the newer one sees. What is known already about that is decided afterwards, by `endCatalogued`,
 * which also finds what a crash left undecided. Stops with the signal.
 */
export async function catalogueAgain(deps: CertifyDeps, index: PendingIndex, signal: AbortSignal): Promise<void> {
  const { store, logger } = deps
  for (const { id, catalogue_id: catalogueId } of await store.watched()) {
    if (signal.aborted) return
    const one = await store.certification(id)
    if (one?.state !== 'active') continue
    const old = await openCatalogue(deps, catalogueId)
    const path = artifactPath(deps.artifactsFolder, one.sha256)
    if (!isOlder(old, deps.scannerVersion) || !existsSync(path)) continue
    const catalogue = await inspectKept(deps, { path, sha256: one.sha256, sizeBytes: old.artifact.sizeBytes })
    // An inspector that died or lost a component is no improvement.
    if (catalogue === undefined || catalogue.components.length < old.components.length) continue
    await replaceCatalogue(deps, one, catalogue)
    index.remove(id)
    index.add(id, catalogue)
    logger.info({ certification: id, components: catalogue.components.length }, 'an artifact was catalogued again')
  }
}

/** Undefined for an artifact that was damaged where it is kept: the others are catalogued all the same. */
async function inspectKept(
  { inspect, logger }: CertifyDeps,
  artifact: Parameters<CertifyDeps['inspect']>[0],
): Promise<Catalogue | undefined> {
  try {
    return (await inspect(artifact)).catalogue
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    logger.warn({ code: error.code, sha256: artifact.sha256 }, error.message)
    return undefined
  }
}

function isOlder({ scanner }: Catalogue, version: string): boolean {
  return scanner.version !== version
}

async function replaceCatalogue(deps: CertifyDeps, one: StoredCertification, catalogue: Catalogue): Promise<void> {
  const catalogueId = await deps.store.addCatalogue({
    sha256: catalogue.artifact.sha256,
    scanner: `${catalogue.scanner.name} ${catalogue.scanner.version}`,
    catalogue: JSON.stringify(catalogue),
  })
  await deps.database.commitTogether<CertifyTables, void>('certify.catalogued-again', async (trx) => {
    const changes = { catalogue_id: catalogueId, catalogue_before: one.catalogue_before ?? one.catalogue_id }
    await trx.updateTable('certify_certifications').set(changes).where('id', '=', one.id).execute()
  })
}
