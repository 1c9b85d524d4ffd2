import type { Statement } from '../bundle/parseStatement.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { statementError } from './errors.ts'
import { type JsonObject, jsonFields } from './jsonFields.ts'
import { parseResourceUri, resourceUri } from './resourceUri.ts'
import { type StatementKind, targetOf, writeStatement } from './statementJson.ts'
import { parseValidatorUri } from './validatorUri.ts'

/** Predicate type of a certification: SLSA verification summary v1. */
export const CERTIFICATION_PREDICATE_TYPE = 'https://slsa.dev/verification_summary/v1'

/** What a certification says. Everything that the policy accepted in spite of itself is listed. */
export interface CertificationClaims {
  /** Of the artifact, lower-case hex, as the other digests. */
  readonly sha256: string
  /** File name of the artifact, for people. */
  readonly name: string
  readonly product: string
  readonly version: string
  /** URI of the validator: `<public-url>/validators/<name>`. */
  readonly validator: string
  readonly verifiedAt: Date
  /** The certification policy that decided. */
  readonly policy: { readonly uri: string; readonly sha256: string }
  /** SHA-256 of the text of the developer's signature bundle. */
  readonly signature: string
  /** SHA-256 of the payload of the SBOM statement. */
  readonly sbom: string
  /** SHA-256 of the payload of the findings statement. */
  readonly findings: string
  /** The advisories of the verdict. `asOf`: RFC 3339; `state` rises with every change of the data. */
  readonly advisories: AdvisoryClaims
  /** How many components the catalogue has. */
  readonly components: number
  readonly accepted: {
    readonly findings: readonly { readonly advisory: string; readonly component: string; readonly reason: string }[]
    readonly gaps: readonly { readonly code: string; readonly path: string; readonly reason: string }[]
  }
  /** The inspector. */
  readonly scanner: { readonly name: string; readonly version: string }
  /** What it takes the place of, in at most 256 characters: a version of the product, or a certification. */
  readonly replaces?: string
}

/** Which advisories were matched against. */
export interface AdvisoryClaims {
  readonly asOf: string
  readonly records: number
  /** Made for a demonstration; production instances refuse such data. */
  readonly sample: boolean
  readonly state: number
}

// VSA v1 asks for URIs as names of what it does not define.
const ADVISORIES = 'urn:countersign:advisories'
const COMPONENTS = 'urn:countersign:components'
const ACCEPTED = 'urn:countersign:accepted'
const REPLACES = 'urn:countersign:replaces'

const MAX_ACCEPTED = 10_000
const MAX_ATTESTATIONS = 16
const read = jsonFields((message) => statementError('statement.malformed', message))

/**
 * A certification as in-toto Statement v1 with a SLSA verification summary (VSA v1), JCS bytes to be signed as DSSE.
 * `inputAttestations` lists everything it rests on. It claims no SLSA level: none was evaluated.
 * Throws `statement.unwritable` for what `readCertificationStatement` would refuse.
 */
export function writeCertificationStatement(claims: CertificationClaims): Uint8Array {
  return writeStatement(kind, claims)
}

const kind: StatementKind<CertificationClaims> = {
  predicateType: CERTIFICATION_PREDICATE_TYPE,
  predicate: writePredicate,
  read: readCertificationStatement,
}

function writePredicate(claims: CertificationClaims): JsonValue {
  const { issuer } = parseValidatorUri(claims.validator)
  const fetchUri = `${issuer.slice(0, issuer.lastIndexOf('/'))}/api/v1/artifacts/${claims.sha256}/certifications`
  const input = (name: string, sha256: string) => ({ name, uri: fetchUri, digest: { sha256 } })
  return {
    verifier: { id: claims.validator, version: { [claims.scanner.name]: claims.scanner.version } },
    timeVerified: claims.verifiedAt.toISOString(),
    resourceUri: resourceUri(claims),
    policy: { uri: claims.policy.uri, digest: { sha256: claims.policy.sha256 } },
    inputAttestations: [
      input('signature', claims.signature),
      input('sbom', claims.sbom),
      input('findings', claims.findings),
    ],
    verificationResult: 'PASSED',
    verifiedLevels: ['SLSA_BUILD_LEVEL_UNEVALUATED'],
    slsaVersion: '1.1',
    [ADVISORIES]: { ...claims.advisories },
    [COMPONENTS]: claims.components,
    [ACCEPTED]: {
      findings: claims.accepted.findings.map((one) => ({ ...one })),
      gaps: claims.accepted.gaps.map((one) => ({ ...one })),
    },
    ...(claims.replaces === undefined ? {} : { [REPLACES]: claims.replaces }),
  }
}

/**
 * Reads a certification. Strict on what it says of itself; fields of VSA that are not used here are ignored, as in-toto
 * asks, because nothing may become acceptable through a field. Trusts nothing: `verifyCertification` proves who said it.
 * Throws `statement.predicate-unknown`, `statement.subjects-wrong`, `statement.not-passed`, `statement.resource-uri`,
 * `statement.validator-wrong`, `statement.malformed`.
 */
export function readCertificationStatement(statement: Statement): CertificationClaims {
  const target = targetOf(statement, (type) => type === CERTIFICATION_PREDICATE_TYPE)
  const predicate = read.object(statement.predicate, 'the predicate')
  if (predicate.verificationResult !== 'PASSED') {
    throw statementError('statement.not-passed', 'the verification result is not PASSED')
  }
  return {
    sha256: target.sha256,
    name: read.text(target.name, 'the name of the artifact', { max: 255 }),
    ...parseResourceUri(read.text(predicate.resourceUri, 'resourceUri', { max: 512 })),
    ...readVerifier(predicate.verifier),
    verifiedAt: read.time(predicate.timeVerified, 'timeVerified'),
    policy: readDescriptor(predicate.policy, 'policy'),
    ...readInputs(predicate.inputAttestations),
    advisories: readAdvisoryClaims(predicate[ADVISORIES]),
    components: read.count(predicate[COMPONENTS], 'components'),
    accepted: readAccepted(predicate[ACCEPTED]),
    ...(predicate[REPLACES] === undefined
      ? {}
      : { replaces: read.text(predicate[REPLACES], 'replaces', { max: 256 }) }),
  }
}

function readVerifier(json: JsonValue | undefined): Pick<CertificationClaims, 'validator' | 'scanner'> {
  const { id, version } = read.object(json, 'verifier')
  const validator = read.text(id, 'verifier.id', { max: 2048 })
  parseValidatorUri(validator)
  const [component, ...others] = Object.entries(read.object(version, 'verifier.version'))
  if (component === undefined || others.length > 0) {
    throw statementError('statement.malformed', 'verifier.version does not name exactly one program')
  }
  const name = read.text(component[0], 'the name of the scanner', { max: 128 })
  return { validator, scanner: { name, version: read.text(component[1], 'the version of the scanner', { max: 64 }) } }
}

function readDescriptor(json: JsonValue | undefined, what: string): { uri: string; sha256: string } {
  const { uri, digest } = read.object(json, what)
  return { uri: read.text(uri, `${what}.uri`, { max: 2048 }), sha256: readDigest(digest, what) }
}

function readDigest(json: JsonValue | undefined, what: string): string {
  return read.sha256(read.object(json, `${what}.digest`).sha256, `${what}.digest.sha256`)
}

function readInputs(json: JsonValue | undefined): Pick<CertificationClaims, 'signature' | 'sbom' | 'findings'> {
  const inputs = read.list(json, 'inputAttestations', { max: MAX_ATTESTATIONS }, read.object)
  const digestOf = (name: string) => {
    const [input, ...others] = inputs.filter((one) => one.name === name)
    if (input === undefined || others.length > 0) {
      throw statementError('statement.malformed', `inputAttestations does not name exactly one ${name}`)
    }
    return readDigest(input.digest, `the input ${name}`)
  }
  return { signature: digestOf('signature'), sbom: digestOf('sbom'), findings: digestOf('findings') }
}

/** Reads which advisories a statement was made with. Throws `statement.malformed`. */
export function readAdvisoryClaims(json: JsonValue | undefined): AdvisoryClaims {
  const fields = read.closed(json, 'the advisories', ['asOf', 'records', 'sample', 'state'])
  const asOf = read.text(fields.asOf, 'asOf', { max: 64 })
  read.time(asOf, 'asOf')
  return {
    asOf,
    records: read.count(fields.records, 'records'),
    sample: read.flag(fields.sample, 'sample'),
    state: read.count(fields.state, 'state'),
  }
}

function readAccepted(json: JsonValue | undefined): CertificationClaims['accepted'] {
  const { findings, gaps } = read.closed(json, 'what was accepted', ['findings', 'gaps'])
  const limits = { max: MAX_ACCEPTED }
  return {
    findings: read.list(findings, 'accepted findings', limits, (one, what) => {
      const fields = read.closed(one, what, ['advisory', 'component', 'reason'])
      return {
        advisory: read.text(fields.advisory, `${what}.advisory`, { max: 128 }),
        component: read.text(fields.component, `${what}.component`, { max: 512 }),
        reason: readReason(fields, what),
      }
    }),
    gaps: read.list(gaps, 'accepted gaps', limits, (one, what) => {
      const fields = read.closed(one, what, ['code', 'path', 'reason'])
      return {
        code: read.text(fields.code, `${what}.code`, { max: 80 }),
        // Empty: the artifact itself.
        path: read.text(fields.path, `${what}.path`, { min: 0, max: 1024 }),
        reason: readReason(fields, what),
      }
    }),
  }
}

function readReason({ reason }: JsonObject, what: string): string {
  return read.text(reason, `${what}.reason`, { max: 1024 })
}
