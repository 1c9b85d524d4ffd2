import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '@countersign/local/files/durable.ts'
import type { Authority } from './authority.ts'

/**
 * Makes sure that the artifact lies in `folder` under its digest, and returns its path. A file of that name was checked
 * when it came; it stays, to be catalogued again when the inspector improves. Throws what `Authority.download` throws.
 */
export async function keepArtifact(
  folder: string,
  sha256: string,
  authority: Pick<Authority, 'download'>,
): Promise<string> {
  const path = artifactPath(folder, sha256)
  if (existsSync(path)) return path
  await makeFolder(folder, { point: 'certify.artifacts', mode: 0o700 })
  await authority.download(sha256, path)
  return path
}

/** Where the artifact with this digest lies once it is kept. */
export function artifactPath(folder: string, sha256: string): string {
  return join(folder, sha256)
}
