import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import {
  type CertificationPolicy,
  defaultCertificationPolicy,
  parseCertificationPolicy,
} from '@countersign/protocol/policy/certificationPolicy.ts'

/** Largest certification policy that is read. */
export const MAX_CERTIFICATION_POLICY_BYTES = 256 * 1024

/** The certification policy in force, with the digest that certifications name. */
export interface PolicyInForce {
  readonly policy: CertificationPolicy
  /** Its exact text. */
  readonly text: string
  readonly sha256: string
}

const NAME = 'certification-policy.json'

/**
 * Reads the policy of the data folder; a new folder gets the default one. An edited file counts from the next start on.
 * Throws `policy.*` for one that does not parse: a validator without a policy certifies nothing.
 */
export async function openPolicy(folder: string): Promise<PolicyInForce> {
  const path = join(folder, NAME)
  if (!existsSync(path)) return savePolicy(folder, `${JSON.stringify(defaultCertificationPolicy(), null, 2)}\n`)
  return readPolicy(
    new TextDecoder('utf-8', { fatal: true }).decode(await readBounded(path, MAX_CERTIFICATION_POLICY_BYTES)),
  )
}

/** Puts another policy in force. Durable when this resolves; one that does not parse changes nothing. */
export async function savePolicy(folder: string, text: string): Promise<PolicyInForce> {
  const read = readPolicy(text)
  await replaceFile(join(folder, NAME), Buffer.from(text), { point: 'validator.policy', mode: 0o600 })
  return read
}

function readPolicy(text: string): PolicyInForce {
  return { policy: parseCertificationPolicy(text), text, sha256: hash('sha256', text, 'hex') }
}
