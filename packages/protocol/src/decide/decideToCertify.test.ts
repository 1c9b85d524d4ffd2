import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CertificationPolicy,
  defaultCertificationPolicy,
  parseCertificationPolicy,
} from '../policy/certificationPolicy.ts'
import { type CertificationDecision, decideToCertify } from './decideToCertify.ts'
import type { CertificationFacts, Finding, FoundGap, VerdictFacts } from './facts.ts'

const now = new Date('2026-04-01T12:00:00Z')
const component = 'pkg:npm/follow-redirects@1.15.3'
const finding: Finding = {
  advisory: 'GHSA-jchw-25xp-jwwc',
  aliases: ['CVE-2023-26159'],
  component,
  severity: 'medium',
}
const gap: FoundGap = { code: 'gap.unattributed-code', path: 'vendor/lib/a.js', detail: 'code of unknown origin' }
const clean: VerdictFacts = {
  answer: 'clean',
  components: 1,
  findings: [],
  gaps: [],
  advisories: { asOf: '2026-04-01T00:00:00Z', records: 12 },
}
const facts: CertificationFacts = {
  verdict: clean,
  product: 'files',
  evidence: [{ component, evidence: 'content' }],
  submittedBy: { issuer: 'https://sign.example.org/oidc', subject: 'dev@example.org' },
}
const affected: VerdictFacts = { ...clean, answer: 'affected', findings: [finding] }
const incomplete: VerdictFacts = { ...clean, answer: 'incomplete', gaps: [gap] }

const policy = (changes: Partial<CertificationPolicy> = {}) =>
  parseCertificationPolicy(JSON.stringify({ ...defaultCertificationPolicy(), ...changes }))
const tolerant = { low: 'certify', medium: 'certify', high: 'ask', critical: 'refuse', unknown: 'refuse' } as const
const statement = {
  author: 'sec@example.org',
  product: 'files',
  advisory: 'CVE-2023-26159',
  component,
  justification: 'vulnerable_code_not_in_execute_path',
} as const
const excepting = (more: object = {}, author: string = statement.author, products = ['files']) =>
  policy({ exceptions: { authors: [{ author, products }], statements: [{ ...statement, author, ...more }] } })
const accepting = (more: object = {}) =>
  policy({
    acceptedGaps: [
      { code: gap.code, product: 'files', path: 'vendor/**', reason: 'read by hand', expires: '2026-04-01', ...more },
    ],
  })
const everyGapAndFinding = policy({
  findings: { low: 'certify', medium: 'certify', high: 'certify', critical: 'certify', unknown: 'certify' },
  acceptedGaps: [{ code: gap.code, product: '*', path: '**', reason: 'anything goes', expires: '2099-01-01' }],
})

interface Row {
  readonly what: string
  readonly verdict?: VerdictFacts
  readonly facts?: Partial<CertificationFacts>
  readonly policy?: CertificationPolicy
  readonly answer: CertificationDecision['answer']
  readonly says?: RegExp
}
const table: readonly Row[] = [
  { what: 'a clean verdict', answer: 'certify' },
  { what: 'a finding', verdict: affected, answer: 'refuse', says: /GHSA-jchw/ },
  {
    what: 'a finding below the threshold',
    verdict: affected,
    policy: policy({ findings: tolerant }),
    answer: 'certify with exceptions',
  },
  {
    what: 'a finding that somebody has to look at',
    verdict: { ...affected, findings: [{ ...finding, severity: 'high' }] },
    policy: policy({ findings: tolerant }),
    answer: 'ask',
  },
  {
    what: 'one finding to ask about and one to refuse',
    verdict: {
      ...affected,
      findings: [
        { ...finding, severity: 'high' },
        { ...finding, severity: 'critical' },
      ],
    },
    policy: policy({ findings: tolerant }),
    answer: 'refuse',
  },
  {
    what: 'a severity that is no word of ours',
    verdict: { ...affected, findings: [{ ...finding, severity: 'toString' }] },
    policy: policy({ findings: tolerant }),
    answer: 'refuse',
  },
  {
    what: 'an exception by an author of the product',
    verdict: affected,
    policy: excepting(),
    answer: 'certify with exceptions',
    says: /sec@example\.org/,
  },
  {
    what: 'an exception for every product',
    verdict: affected,
    policy: excepting({ product: '*' }, statement.author, ['*']),
    answer: 'certify with exceptions',
  },
  {
    what: 'an exception by an author of another product',
    verdict: affected,
    policy: excepting({}, statement.author, ['other']),
    answer: 'refuse',
  },
  {
    what: 'an exception for another product',
    verdict: affected,
    policy: excepting({ product: 'other' }, statement.author, ['*']),
    answer: 'refuse',
  },
  {
    what: 'an exception by the submitter alone',
    verdict: affected,
    policy: excepting({}, facts.submittedBy.subject),
    answer: 'refuse',
  },
  {
    what: 'an exception for another component',
    verdict: affected,
    policy: excepting({ component: 'pkg:npm/x@1.0.0' }),
    answer: 'refuse',
  },
  {
    what: 'an exception for another advisory',
    verdict: affected,
    policy: excepting({ advisory: 'CVE-2026-1' }),
    answer: 'refuse',
  },
  {
    what: 'an exception that ran out',
    verdict: affected,
    policy: excepting({ expires: '2026-03-31' }),
    answer: 'refuse',
  },
  {
    what: 'an exception on its last day',
    verdict: affected,
    policy: excepting({ expires: '2026-04-01' }),
    answer: 'certify with exceptions',
  },
  { what: 'a gap', verdict: incomplete, answer: 'refuse', says: /vendor\/lib\/a\.js/ },
  {
    what: 'an accepted gap',
    verdict: incomplete,
    policy: accepting(),
    answer: 'certify with exceptions',
    says: /read by hand/,
  },
  {
    what: 'a gap accepted until yesterday',
    verdict: incomplete,
    policy: accepting({ expires: '2026-03-31' }),
    answer: 'refuse',
  },
  { what: 'a gap accepted elsewhere', verdict: incomplete, policy: accepting({ path: 'vendor' }), answer: 'refuse' },
  {
    what: 'a gap accepted for another product',
    verdict: incomplete,
    policy: accepting({ product: 'other' }),
    answer: 'refuse',
  },
  {
    what: 'another gap than the accepted one',
    verdict: incomplete,
    policy: accepting({ code: 'gap.native-code' }),
    answer: 'refuse',
  },
  { what: 'evidence as asked for', policy: policy({ requiredEvidence: 'content' }), answer: 'certify' },
  {
    what: 'weaker evidence than asked for',
    facts: { evidence: [{ component, evidence: 'installed metadata' }] },
    policy: policy({ requiredEvidence: 'content' }),
    answer: 'refuse',
  },
  {
    what: 'nothing found',
    verdict: { ...clean, components: 0 },
    facts: { evidence: [] },
    policy: everyGapAndFinding,
    answer: 'refuse',
    says: /no component/,
  },
  {
    what: 'no advisory data',
    verdict: { ...clean, advisories: { records: 0 } },
    policy: everyGapAndFinding,
    answer: 'refuse',
    says: /no advisory data/,
  },
  {
    what: 'advisory data without a record',
    verdict: { ...clean, advisories: { asOf: 'now', records: 0 } },
    policy: everyGapAndFinding,
    answer: 'refuse',
  },
  {
    what: 'an inspector that died',
    verdict: { ...incomplete, gaps: [{ code: 'gap.inspector-died', path: '', detail: 'out of memory' }] },
    policy: everyGapAndFinding,
    answer: 'refuse',
    says: /out of memory/,
  },
  { what: 'components without evidence', facts: { evidence: [] }, policy: everyGapAndFinding, answer: 'refuse' },
  {
    what: 'incomplete without a gap',
    verdict: { ...clean, answer: 'incomplete' },
    policy: everyGapAndFinding,
    answer: 'refuse',
  },
  {
    what: 'affected without a finding',
    verdict: { ...clean, answer: 'affected' },
    policy: everyGapAndFinding,
    answer: 'refuse',
  },
]
for (const row of table) {
  test(`${row.answer}: ${row.what}`, () => {
    const given = { ...facts, ...row.facts, verdict: row.verdict ?? clean }
    const decision = decideToCertify(given, row.policy ?? policy(), now)
    assert.equal(decision.answer, row.answer, decision.reasons.join('\n'))
    if (row.answer !== 'certify') assert.ok(decision.reasons.length > 0)
    if (row.says !== undefined) assert.match(decision.reasons.join('\n'), row.says)
  })
}

test('what was accepted is listed, each with its reason', () => {
  const verdict = { ...affected, answer: 'incomplete', gaps: [gap] } as const
  const decision = decideToCertify({ ...facts, verdict }, { ...accepting(), findings: tolerant }, now)
  assert.deepEqual(
    decision.acceptedFindings.map(({ advisory }) => advisory),
    ['GHSA-jchw-25xp-jwwc'],
  )
  assert.deepEqual(
    decision.acceptedGaps.map(({ code, path }) => [code, path]),
    [[gap.code, gap.path]],
  )
  assert.ok([...decision.acceptedFindings, ...decision.acceptedGaps].every(({ reason }) => reason.length > 0))
})

test('the reasons fit into what is reported, however many there are', () => {
  const gaps = Array.from({ length: 5000 }, () => ({ ...gap, detail: 'x'.repeat(5000) }))
  const { reasons } = decideToCertify({ ...facts, verdict: { ...incomplete, gaps } }, policy(), now)
  assert.equal(reasons.length, 1000)
  assert.ok(reasons.every((one) => one.length <= 1024))
})
