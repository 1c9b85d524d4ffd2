import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { z } from 'zod'
import { composeError } from './errors.ts'

const validatorFile = z.strictObject({
  v: z.literal(1),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
  url: z.url(),
  environment: z.enum(['development', 'production']),
  /** The instance that the ticket named. */
  rootSha256: z.string().regex(/^[0-9a-f]{64}$/),
  enrolledAt: z.iso.datetime(),
})

/** Whose validator a data folder holds. */
export type ValidatorFile = z.infer<typeof validatorFile>

const NAME = 'validator.json'
const MAX_BYTES = 16 * 1024

/** What the folder holds; undefined where nothing was enrolled in it. Throws `validator.identity-damaged`. */
export async function readValidatorFile(folder: string): Promise<ValidatorFile | undefined> {
  const path = join(folder, NAME)
  if (!existsSync(path)) return undefined
  try {
    return validatorFile.parse(JSON.parse(new TextDecoder().decode(await readBounded(path, MAX_BYTES))))
  } catch (cause) {
    throw composeError('validator.identity-damaged', `${path} cannot be read`, { cause })
  }
}

/** Written last, when everything else of the enrolment is durable. */
export async function writeValidatorFile(folder: string, file: ValidatorFile): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(file, null, 2)}\n`)
  await replaceFile(join(folder, NAME), bytes, { point: 'validator.enrolled', mode: 0o600 })
}
