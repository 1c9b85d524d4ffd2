import { readBounded } from '@countersign/local/files/readBounded.ts'
import { readCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { explainCertificationPolicy } from '@countersign/protocol/policy/explainCertificationPolicy.ts'
import { explainVerificationPolicy } from '@countersign/protocol/policy/explainVerificationPolicy.ts'
import { MAX_POLICY_BYTES, parsePolicyJson, policyKind } from '@countersign/protocol/policy/readPolicy.ts'
import { readVerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Terminal } from '../output/terminal.ts'

/** `countersign policy check`: throws the rule that is broken. */
export async function check(file: string, terminal: Terminal): Promise<number> {
  const { facts, words } = await read(file)
  terminal.line(`${file} is a ${facts.kind} policy, version ${facts.v}${words}.`)
  terminal.result({ file, valid: true, ...facts })
  return 0
}

/** `countersign policy explain`: what it asks for, in sentences. */
export async function explain(file: string, terminal: Terminal): Promise<number> {
  const { facts, sentences } = await read(file)
  for (const sentence of sentences) terminal.line(sentence)
  terminal.result({ file, kind: facts.kind, sentences })
  return 0
}

interface ReadPolicy {
  readonly facts: { readonly kind: 'verification' | 'certification'; readonly v: number; readonly environment?: string }
  readonly words: string
  readonly sentences: readonly string[]
}

/** Either kind; a file says itself which one it is. */
async function read(file: string): Promise<ReadPolicy> {
  const json = parsePolicyJson(await readBounded(file, MAX_POLICY_BYTES))
  const kind = policyKind(json)
  if (kind === 'certification') {
    const policy = readCertificationPolicy(json)
    return { facts: { kind, v: policy.v }, words: '', sentences: explainCertificationPolicy(policy) }
  }
  const policy = readVerificationPolicy(json)
  const { v, environment } = policy
  return {
    facts: { kind, v, environment },
    words: `, for ${environment}`,
    sentences: explainVerificationPolicy(policy),
  }
}
