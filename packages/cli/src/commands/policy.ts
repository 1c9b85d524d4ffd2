import { readBounded } from '@countersign/local/files/readBounded.ts'
import { explainVerificationPolicy } from '@countersign/protocol/policy/explainVerificationPolicy.ts'
import { MAX_POLICY_BYTES, parseVerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Terminal } from '../output/terminal.ts'

/** `countersign policy check`: throws the rule that is broken. */
export async function check(file: string, terminal: Terminal): Promise<number> {
  const { v, environment } = await read(file)
  terminal.line(`${file} is a verification policy, version ${v}, for ${environment}.`)
  terminal.result({ file, valid: true, v, environment })
  return 0
}

/** `countersign policy explain`: what it asks for, in sentences. */
export async function explain(file: string, terminal: Terminal): Promise<number> {
  const sentences = explainVerificationPolicy(await read(file))
  for (const sentence of sentences) terminal.line(sentence)
  terminal.result({ file, sentences })
  return 0
}

async function read(file: string) {
  return parseVerificationPolicy(await readBounded(file, MAX_POLICY_BYTES))
}
