import { writeFileSync } from 'node:fs'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { countersignServer } from './programs.ts'
import { mustRun } from './runProgram.ts'
import type { Instance } from './startInstance.ts'

/** The verification policy that an instance distributes. */
export async function distributedPolicy({ dataFolder }: Instance): Promise<VerificationPolicy> {
  const shown = await mustRun([...countersignServer, 'policy', 'show', '--data', dataFolder])
  return JSON.parse(shown.stdout) as VerificationPolicy
}

/** Lets an instance distribute its present policy with these identities. */
export async function distributeIdentities(
  instance: Instance,
  identities: VerificationPolicy['identities'],
): Promise<void> {
  const file = `${instance.dataFolder}.policy.json`
  writeFileSync(file, JSON.stringify({ ...(await distributedPolicy(instance)), identities }))
  await instance.admin('policy', 'set', file)
}
