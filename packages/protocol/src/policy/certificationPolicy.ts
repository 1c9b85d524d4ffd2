import type { JsonValue } from '../json/canonicalJson.ts'
import { durationShape } from './duration.ts'
import { pathPatternShape } from './pathPattern.ts'
import { parsePolicyJson, readPolicy } from './readPolicy.ts'
import { arrayShape, checked, countShape, objectShape, optional, type Shaped, stringShape, wordShape } from './shape.ts'

/** The newest `v` of a certification policy that this program reads. */
export const CERTIFICATION_POLICY_VERSION = 1

/**
 * Gaps that no policy can accept (design, section 8, rule 2): nothing was found, advisory data is missing, held or too old,
 * the inspector died, or the archive itself is such that programs may disagree about what is in it. `decideToCertify` also looks at the verdict itself, whatever its gaps are called.
 */
export const UNACCEPTABLE_GAPS: ReadonlySet<string> = new Set([
  'gap.empty',
  'gap.nothing-found',
  'gap.no-advisory-data',
  'gap.advisory-data-old',
  'gap.advisories-held',
  'gap.inspector-died',
  'gap.archive-bomb',
  'gap.archive-duplicate-name',
  'gap.archive-malformed',
  'gap.archive-sparse',
  'gap.archive-special-file',
  'gap.archive-too-deep',
  'gap.archive-too-large',
  'gap.archive-too-many',
  'gap.archive-truncated',
  'gap.archive-unsafe-link',
  'gap.archive-unsafe-path',
])

const product = stringShape('a product name, or * for every product', /^(?:\*|[A-Za-z0-9][A-Za-z0-9._-]{0,127})$/)
const author = stringShape('an identity without spaces', /^\S+$/)
const text = stringShape('words without control characters', /^[^\p{Cc}]+$/u)
const advisory = stringShape('the id of an advisory', /^[\x21-\x7e]{1,128}$/)
const day = checked(stringShape('a day such as 2027-01-31', /^\d{4}-\d\d-\d\d$/), (value) =>
  isDay(value) ? undefined : 'is no day of the calendar',
)
const onSeverity = wordShape('certify', 'ask', 'refuse')

/** Why an advisory does not apply, in the words of OpenVEX 0.2.0. */
const justification = wordShape(
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
)

const exceptions = checked(
  objectShape({
    /** Whose statements count, and for which products. */
    authors: arrayShape(objectShape({ author, products: arrayShape(product, { min: 1, max: 1000 }) }), { max: 1000 }),
    /** OpenVEX statements `not_affected`: product, vulnerability, subcomponent (its purl, exactly) and justification. */
    statements: arrayShape(
      objectShape({ author, product, advisory, component: text, justification, expires: optional(day) }),
      { max: 10_000 },
    ),
  }),
  ({ authors, statements }) => {
    const at = statements.findIndex((one) => !authors.some((named) => named.author === one.author))
    return at < 0 ? undefined : `statements[${at}] is by ${statements[at]?.author}, whom authors does not name`
  },
)

/**
 * The certification policy: what a validator certifies. One closed JSON file; every field is required unless marked
 * optional, unknown ones are refused, nothing in it is an expression.
 */
const certificationPolicyShape = objectShape({
  v: countShape(1, CERTIFICATION_POLICY_VERSION),
  kind: wordShape('certification'),
  /** How long a certification lives, in days. */
  validityDays: countShape(1, 400),
  /** Older advisory data makes a verdict incomplete. */
  maxAdvisoryAge: durationShape,
  /** What a finding of each severity does where no exception covers it. */
  findings: objectShape({
    low: onSeverity,
    medium: onSeverity,
    high: onSeverity,
    critical: onSeverity,
    unknown: onSeverity,
  }),
  /** The least by which each component must be known: `content` is more than `installed metadata`, that than `declared`. */
  requiredEvidence: wordShape('content', 'installed metadata', 'declared'),
  acceptedGaps: arrayShape(
    objectShape({
      code: checked(stringShape('the code of a gap', /^gap\.[a-z0-9-]{1,60}$/), (code) =>
        UNACCEPTABLE_GAPS.has(code) ? 'can never be accepted' : undefined,
      ),
      product,
      path: pathPatternShape,
      reason: text,
      /** The last day on which it is accepted. */
      expires: day,
    }),
    { max: 1000 },
  ),
  exceptions,
  /** A change of the advisories that would end more certifications than this is held until an operator releases it. */
  maxEndedByOneChange: countShape(1, 1_000_000_000),
})

/** A certification policy that `parseCertificationPolicy` has read. Plain JSON: `JSON.stringify` writes it. */
export type CertificationPolicy = Shaped<typeof certificationPolicyShape>

/** How a component is known, least first. */
export const EVIDENCE = ['declared', 'installed metadata', 'content'] as const

/**
 * Reads a certification policy of at most `MAX_POLICY_BYTES`. Throws `policy.version-newer` before looking at anything else
 * of a newer version, then `policy.unknown-field` or `policy.invalid` naming the path.
 */
export function parseCertificationPolicy(bytes: Uint8Array | string): CertificationPolicy {
  return readCertificationPolicy(parsePolicyJson(bytes))
}

/** Like `parseCertificationPolicy`, for JSON that is parsed already. */
export function readCertificationPolicy(json: JsonValue): CertificationPolicy {
  return readPolicy(json, certificationPolicyShape, CERTIFICATION_POLICY_VERSION)
}

/** The policy of a new validator: only clean verdicts, for 90 days, by advisory data of at most 7 days. */
export function defaultCertificationPolicy(): CertificationPolicy {
  return {
    v: 1,
    kind: 'certification',
    validityDays: 90,
    maxAdvisoryAge: '7d',
    findings: { low: 'refuse', medium: 'refuse', high: 'refuse', critical: 'refuse', unknown: 'refuse' },
    requiredEvidence: 'declared',
    acceptedGaps: [],
    exceptions: { authors: [], statements: [] },
    maxEndedByOneChange: 1000,
  }
}

function isDay(text: string): boolean {
  const time = new Date(`${text}T00:00:00Z`)
  // The runtime takes 2027-02-31 for the third of March.
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}
