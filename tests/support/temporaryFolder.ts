import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Runs `work` with a fresh folder, which is gone afterwards. With `COUNTERSIGN_KEEP` set it stays, for looking around. */
export async function inTemporaryFolder<Result>(
  prefix: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), prefix))
  try {
    return await work(folder)
  } finally {
    if (process.env.COUNTERSIGN_KEEP === undefined) await rm(folder, { recursive: true, force: true })
    else console.log(`kept ${folder}`)
  }
}
