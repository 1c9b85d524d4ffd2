import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { createFile, removeFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { z } from 'zod'
import { instanceError } from './errors.ts'
import type { InstanceFacts } from './facts.ts'

/** Its presence says that the instance exists; written last at creation, never changed. */
const INSTANCE_FILE = 'instance.json'
/** Its presence without `instance.json` says that a creation was interrupted; the next one with the same addresses finishes it. */
const CREATING_FILE = 'creating.json'

/** The lock that the caller holds on the folder, and what a fresh ext4 volume contains. */
const IGNORED = new Set(['lock', 'lock-journal', 'lost+found'])

const factsSchema = z.strictObject({
  v: z.literal(1),
  environment: z.enum(['development', 'production']),
  publicUrl: z.string(),
  publicHttpUrl: z.string(),
  createdAt: z.string(),
})

/** The facts of the instance in `folder`, or undefined where none was created. Throws `instance.damaged`. */
export async function readInstanceFile(folder: string): Promise<InstanceFacts | undefined> {
  return readFacts(join(folder, INSTANCE_FILE))
}

/**
 * The facts of a creation in `folder` that a crash interrupted, or undefined where none was begun.
 * Throws `instance.folder-not-empty` where something else lies there, `instance.damaged`.
 */
export async function readBegunCreation(folder: string): Promise<InstanceFacts | undefined> {
  const begun = await readFacts(join(folder, CREATING_FILE))
  if (begun) return begun
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  })
  const present = names.filter((name) => !IGNORED.has(name))
  if (present.length === 0) return undefined
  throw instanceError('instance.folder-not-empty', `${folder} holds ${present.slice(0, 3).join(', ')}`)
}

/**
 * Begins a creation in `folder`, or goes on with one that a crash interrupted; then the facts are those of the first attempt.
 * Throws `instance.folder-not-empty` where something else lies there.
 */
export async function beginCreation(folder: string, facts: InstanceFacts): Promise<InstanceFacts> {
  const begun = await readBegunCreation(folder)
  if (begun) return begun
  await createFile(join(folder, CREATING_FILE), encode(facts), { point: 'instance.begin', mode: 0o600 })
  return facts
}

/** Ends a creation: from here on the instance exists. */
export async function finishCreation(folder: string, facts: InstanceFacts): Promise<void> {
  await createFile(join(folder, INSTANCE_FILE), encode(facts), { point: 'instance.finish', mode: 0o600 })
  // A crash here leaves both files; `instance.json` wins and the other one says the same.
  await removeFile(join(folder, CREATING_FILE), { point: 'instance.creating-removed' })
}

async function readFacts(path: string): Promise<InstanceFacts | undefined> {
  try {
    const bytes = await readBounded(path, 64 * 1024)
    return factsSchema.parse(parseJson(bytes, { maxBytes: 64 * 1024 }))
  } catch (error) {
    if (hasCode(error, 'files.not-found')) return undefined
    throw instanceError('instance.damaged', `${path} cannot be read`, { cause: error })
  }
}

function encode(facts: InstanceFacts): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(facts, null, 2)}\n`)
}
