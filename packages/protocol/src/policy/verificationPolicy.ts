import type { JsonValue } from '../json/canonicalJson.ts'
import { durationShape } from './duration.ts'
import { policyError } from './errors.ts'
import { identityPatternShape } from './identityPattern.ts'
import { parsePolicyJson, readPolicy } from './readPolicy.ts'
import {
  arrayShape,
  checked,
  countShape,
  flagShape,
  objectShape,
  oneFieldShape,
  optional,
  type Shaped,
  stringShape,
  wordShape,
} from './shape.ts'

/** The newest `v` of a verification policy that this program reads. */
export const VERIFICATION_POLICY_VERSION = 1

const name = stringShape('a name of letters, digits, dots and dashes', /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
const keyId = stringShape('64 lower-case hex digits', /^[0-9a-f]{64}$/)
const spki = stringShape('a public key (base64 of its DER SubjectPublicKeyInfo)', /^[A-Za-z0-9+/]{40,}={0,2}$/, 8192)
const vkey = stringShape('a note key: name+hash+base64', /^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/, 4096)
const url = stringShape('an http(s) URL', /^https?:\/\/[^\s]+$/)
const environment = wordShape('development', 'production')
const scope = wordShape('certifications', 'digest', 'certificate', 'identity')

const validators = checked(
  objectShape({
    /** k: how many of the validators below must have certified an artifact. 0: no certification is asked for. */
    required: countShape(0, 100),
    of: arrayShape(objectShape({ name, issuer: url, subject: url }), { max: 100 }),
  }),
  ({ required, of }) => {
    if (required > of.length) return `asks for ${required} validators but names ${of.length}`
    return repeated(
      of.map((one) => `${one.issuer} ${one.subject}`),
      'validator',
    )
  },
)

const revokers = objectShape({
  keys: checked(
    arrayShape(
      objectShape({
        name,
        spki,
        scopes: arrayShape(scope, { min: 1, max: 4 }),
        /** A validator's key ends certifications of this issuing CA under the validator's own name, and nothing else. */
        validator: optional(objectShape({ name, authority: keyId })),
      }),
      { max: 100 },
    ),
    (keys) => {
      const wide = keys.find((key) => key.validator && key.scopes.some((one) => one !== 'certifications'))
      if (wide) return `the validator's key ${wide.name} may only have the scope certifications`
      return repeated(
        keys.map((key) => key.spki),
        'key',
      )
    },
  ),
  /** How many approvers must have signed one record, by scope. A validator's own record needs only its own key. */
  approvals: objectShape({
    certifications: countShape(1, 10),
    digest: countShape(1, 10),
    certificate: countShape(1, 10),
    identity: countShape(1, 10),
  }),
  /** Above this an automatic record is announced and waits for an approver. */
  reach: objectShape({
    maxPercentOfGroup: countShape(0, 100),
    minGroupDevices: countShape(1, 1_000_000_000),
    maxPercentOfCertifications: countShape(0, 100),
    passes: arrayShape(wordShape('knownExploited', 'malware'), { max: 2 }),
  }),
})

const log = checked(
  objectShape({
    /** First line of its checkpoints. */
    origin: stringShape('a log origin: host name and path without scheme, spaces or +', /^[^\s+/][^\s+]*$/, 256),
    key: oneFieldShape({ vkey, spki }),
    /** Where `checkpoint` and `tile/` are read. */
    url,
    /** Present once the log is closed: its last size and root, which no later checkpoint may pass. */
    closed: optional(
      objectShape({
        size: stringShape('a tree size in decimal digits', /^(?:0|[1-9]\d{0,18})$/),
        root: stringShape('a root hash (base64 of 32 bytes)', /^[A-Za-z0-9+/]{43}=$/),
      }),
    ),
  }),
  ({ origin, key }) =>
    'vkey' in key && key.vkey.split('+')[0] !== origin ? 'the name in vkey differs from origin' : undefined,
)
const logList = (min: number) =>
  checked(arrayShape(log, { min, max: 100 }), (logs) =>
    repeated(
      logs.map((one) => one.origin),
      'origin',
    ),
  )

const witnesses = checked(
  objectShape({
    /** Freshness is the quorum-th newest of the witnesses' times. */
    quorum: countShape(1, 32),
    of: arrayShape(
      objectShape({
        name: stringShape('the key name of a witness', /^[^\s+]+$/, 256),
        vkey,
        /** True where another operator than the instance's runs it; only these make a log *witnessed*. */
        outside: flagShape,
      }),
      { min: 1, max: 32 },
    ),
  }),
  ({ quorum, of }) => {
    if (quorum > of.length) return `asks for ${quorum} witnesses but names ${of.length}`
    return repeated(
      of.map((one) => one.vkey),
      'witness',
    )
  },
)

/**
 * The verification policy: whom a device or `countersign verify` trusts, and what a recall does. One closed JSON file;
 * every field is required unless marked optional, unknown ones are refused, nothing in it is an expression.
 */
const verificationPolicyShape = objectShape({
  v: countShape(1, VERIFICATION_POLICY_VERSION),
  environment,
  /** First TUF roots (hex SHA-256 of `1.root.json`) that this policy accepts; empty: the ones it was distributed with. */
  anchors: arrayShape(objectShape({ rootSha256: keyId, environment }), { max: 16 }),
  /** Who may sign artifacts. */
  identities: arrayShape(identityPatternShape, { min: 1, max: 1000 }),
  validators,
  revokers,
  logs: objectShape({ artifacts: logList(1), certificates: logList(1), revocations: logList(1), audit: logList(0) }),
  witnesses,
  /** What an ended certification does to running code. `goBack`: to a release that is active now, else stop. */
  onRevoked: wordShape('goBack', 'stop', 'inform'),
  /** What a certification that ran out does. */
  onExpired: wordShape('goBack', 'stop', 'refuseInstalls', 'inform'),
  /** How old the newest proof that nothing newer was revoked may be. */
  maxStaleness: durationShape,
  onStale: wordShape('stop', 'refuseInstalls', 'inform'),
  /** After this long without such a proof running code stops. `0`: never. */
  maxOffline: durationShape,
  /** How long a device may leave the newest revocation unacknowledged before the server lists it. */
  silence: objectShape({
    bound: durationShape,
    groups: optional(arrayShape(objectShape({ group: name, bound: durationShape }), { max: 1000 })),
  }),
})

/** A verification policy that `parseVerificationPolicy` has read. Plain JSON: `JSON.stringify` writes it. */
export type VerificationPolicy = Shaped<typeof verificationPolicyShape>
/** One log that a policy names. */
export type PolicyLog = Shaped<typeof log>

/**
 * Reads a verification policy of at most `MAX_POLICY_BYTES`. Its signature is the business of whoever fetched it (TUF).
 * Throws `policy.version-newer` before looking at anything else of a newer version, then `policy.unknown-field` or
 * `policy.invalid` naming the path, `policy.development-anchors`, and `policy.invalid` with the cause for bad JSON.
 */
export function parseVerificationPolicy(bytes: Uint8Array | string): VerificationPolicy {
  return readVerificationPolicy(parsePolicyJson(bytes))
}

/** Like `parseVerificationPolicy`, for JSON that is parsed already. */
export function readVerificationPolicy(json: JsonValue): VerificationPolicy {
  const policy = readPolicy(json, verificationPolicyShape, VERIFICATION_POLICY_VERSION)
  const wrong = policy.anchors.findIndex((anchor) => anchor.environment === 'development')
  if (policy.environment === 'production' && wrong >= 0) {
    throw policyError(
      'policy.development-anchors',
      `anchors[${wrong}]: a production policy names an anchor of a development instance`,
    )
  }
  return policy
}

function repeated(values: readonly string[], what: string): string | undefined {
  return new Set(values).size === values.length ? undefined : `names the same ${what} twice`
}
