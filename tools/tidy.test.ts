import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rules } from './tidy/rules.ts'
import { readTree } from './tidy/tree.ts'

const files = readTree()

for (const [name, rule] of Object.entries(rules)) {
  test(name, () => {
    const findings = rule(files).map((finding) => `${finding.path}:${finding.line} ${finding.message}`)
    assert.equal(findings.length, 0, `${findings.length} found\n${findings.join('\n')}`)
  })
}
