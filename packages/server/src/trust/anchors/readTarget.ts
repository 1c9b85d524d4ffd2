import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { readRepository, TUF_FOLDER, targetPath } from './readRepository.ts'

/** The bytes of a published target, or undefined where it was not published yet. */
export async function readTarget(blobs: Blobs, name: string): Promise<Uint8Array | undefined> {
  if ((await blobs.get(`${TUF_FOLDER}timestamp.json`)) === undefined) return undefined
  const { targets } = await readRepository(blobs)
  const sha256 = targets.signed.targets[name]?.hashes.sha256
  return sha256 === undefined ? undefined : blobs.get(`${TUF_FOLDER}${targetPath(name, sha256)}`)
}
