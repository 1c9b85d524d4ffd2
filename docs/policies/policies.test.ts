import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { readCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { explainCertificationPolicy } from '@countersign/protocol/policy/explainCertificationPolicy.ts'
import { explainVerificationPolicy } from '@countersign/protocol/policy/explainVerificationPolicy.ts'
import { parsePolicyJson, policyKind } from '@countersign/protocol/policy/readPolicy.ts'
import { readVerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'

const good = globSync(join(import.meta.dirname, '*.json'))
const bad = globSync(join(import.meta.dirname, 'bad', '*.json'))

/** What a policy file says in sentences, whichever kind it is. */
function explain(file: string): string[] {
  const json = parsePolicyJson(readFileSync(file))
  if (policyKind(json) === 'certification') return explainCertificationPolicy(readCertificationPolicy(json))
  return explainVerificationPolicy(readVerificationPolicy(json))
}

test('there are examples of both kinds', () => {
  assert.ok(good.length >= 4)
  assert.ok(bad.length >= good.length)
})

for (const file of good) {
  test(`${basename(file)} is a policy that explains itself`, () => {
    const sentences = explain(file)
    assert.ok(sentences.length >= 8)
    for (const sentence of sentences) assert.match(sentence, /\.$/)
  })
}

// The name says the code: `<folder>.<code>` and, where several rules share it, which rule.
for (const file of bad) {
  const [folder, word] = basename(file, '.json').split('.')
  test(`bad/${basename(file)} is refused with ${folder}.${word}`, () => {
    assert.throws(() => explain(file), { code: `${folder}.${word}` })
  })
}
