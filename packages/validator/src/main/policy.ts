import { hash } from 'node:crypto'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { parseCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { explainCertificationPolicy } from '@countersign/protocol/policy/explainCertificationPolicy.ts'
import { getCertificationPolicyRoute, setCertificationPolicyRoute } from '../compose/adminRoutes.ts'
import { MAX_CERTIFICATION_POLICY_BYTES } from '../compose/policyFile.ts'
import { callValidator, type ValidatorOptions } from './callValidator.ts'
import { printJson, printLine } from './print.ts'

/** `countersign-validator policy show`. */
export async function show(options: ValidatorOptions): Promise<void> {
  const { policy } = await callValidator(options.data, getCertificationPolicyRoute)
  printLine(policy.trimEnd())
}

/** `countersign-validator policy set`. */
export async function set(file: string, options: ValidatorOptions): Promise<void> {
  const bytes = await readBounded(file, MAX_CERTIFICATION_POLICY_BYTES)
  const policy = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  const { sha256 } = await callValidator(options.data, setCertificationPolicyRoute, { body: { policy } })
  if (options.json) return printJson({ sha256 })
  printLine(`Certifying by this policy from now on; SHA-256 ${sha256}.`)
}

/** `countersign-validator policy check`. Needs no validator. */
export async function check(file: string, options: Pick<ValidatorOptions, 'json'>): Promise<void> {
  const bytes = await readBounded(file, MAX_CERTIFICATION_POLICY_BYTES)
  const sentences = explainCertificationPolicy(parseCertificationPolicy(bytes))
  if (options.json) return printJson({ sha256: hash('sha256', bytes, 'hex'), sentences })
  for (const sentence of sentences) printLine(sentence)
}
