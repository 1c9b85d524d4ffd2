import type { Statement } from '../bundle/parseStatement.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { type AdvisoryClaims, readAdvisoryClaims } from './certificationStatement.ts'
import { statementError } from './errors.ts'
import { jsonFields } from './jsonFields.ts'
import { type StatementKind, type StatementTarget, targetOf, writeStatement } from './statementJson.ts'

/** Predicate type of the findings: in-toto vulns v0.2. */
export const FINDINGS_PREDICATE_TYPE = 'https://in-toto.io/attestation/vulns/v0.2'

/** What was found in an artifact. An empty list: nothing. */
export interface FindingsClaims extends StatementTarget {
  readonly scanner: { readonly name: string; readonly version: string }
  readonly advisories: AdvisoryClaims
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly findings: readonly FindingClaims[]
}

/** One advisory meeting one component. */
export interface FindingClaims {
  readonly advisory: string
  readonly aliases: readonly string[]
  /** Package URL. */
  readonly component: string
  /** From the artifact to the component, package URL by package URL. */
  readonly path: readonly string[]
  readonly severity: string
  /** Versions without it. */
  readonly fixed: readonly string[]
}

// Names are ours: vulns v0.2 leaves annotations to the scanner.
const ADVISORIES = 'urn:countersign:advisories'
const SEVERITY_METHOD = 'urn:countersign:severity'
const MAX_FINDINGS = 10_000
const read = jsonFields((message) => statementError('statement.malformed', message))

/**
 * The findings as in-toto Statement v1 of the type vulns v0.2, JCS bytes to be signed as DSSE.
 * Throws `statement.unwritable` for what `readFindingsStatement` would refuse.
 */
export function writeFindingsStatement(claims: FindingsClaims): Uint8Array {
  return writeStatement(kind, claims)
}

const kind: StatementKind<FindingsClaims> = {
  predicateType: FINDINGS_PREDICATE_TYPE,
  predicate: writePredicate,
  read: readFindingsStatement,
}

function writePredicate({ scanner, advisories, findings, startedAt, finishedAt }: FindingsClaims): JsonValue {
  return {
    scanner: {
      uri: `pkg:generic/${scanner.name}`,
      version: scanner.version,
      db: { version: String(advisories.state), lastUpdate: advisories.asOf, [ADVISORIES]: { ...advisories } },
      result: findings.map(({ advisory, severity, ...annotation }) => ({
        id: advisory,
        severity: [{ method: SEVERITY_METHOD, score: severity }],
        annotations: [annotation],
      })),
    },
    metadata: { scanStartedOn: startedAt.toISOString(), scanFinishedOn: finishedAt.toISOString() },
  }
}

/**
 * Reads findings as `writeFindingsStatement` writes them; what other scanners add is ignored, what they leave out is
 * missing. Trusts nothing. Throws `statement.predicate-unknown`, `statement.subjects-wrong`, `statement.malformed`.
 */
export function readFindingsStatement(statement: Statement): FindingsClaims {
  const target = targetOf(statement, (type) => type === FINDINGS_PREDICATE_TYPE)
  const { scanner: scannerJson, metadata } = read.object(statement.predicate, 'the predicate')
  const scanner = read.object(scannerJson, 'scanner')
  const { scanStartedOn, scanFinishedOn } = read.object(metadata, 'metadata')
  const uri = read.text(scanner.uri, 'scanner.uri', { max: 256, pattern: /^pkg:generic\/[^/@]+$/ })
  return {
    sha256: target.sha256,
    name: read.text(target.name, 'the name of the artifact', { max: 255 }),
    scanner: {
      name: uri.slice('pkg:generic/'.length),
      version: read.text(scanner.version, 'scanner.version', { max: 64 }),
    },
    advisories: readAdvisoryClaims(read.object(scanner.db, 'scanner.db')[ADVISORIES]),
    startedAt: read.time(scanStartedOn, 'scanStartedOn'),
    finishedAt: read.time(scanFinishedOn, 'scanFinishedOn'),
    findings: read.list(scanner.result, 'scanner.result', { max: MAX_FINDINGS }, readFinding),
  }
}

function readFinding(json: JsonValue, what: string): FindingClaims {
  const { id, severity, annotations } = read.object(json, what)
  const [rating] = read.list(severity, `${what}.severity`, { min: 1, max: 16 }, read.object)
  const [annotation] = read.list(annotations, `${what}.annotations`, { min: 1, max: 16 }, read.object)
  const texts = (json: JsonValue | undefined, field: string, max: number, maxLength: number) =>
    read.list(json, `${what}.${field}`, { max }, (one, member) => read.text(one, member, { max: maxLength }))
  return {
    advisory: read.text(id, `${what}.id`, { max: 128 }),
    aliases: texts(annotation?.aliases, 'aliases', 100, 128),
    component: read.text(annotation?.component, `${what}.component`, { max: 512 }),
    path: texts(annotation?.path, 'path', 64, 512),
    severity: read.text(rating?.score, `${what}.severity`, { max: 32 }),
    fixed: texts(annotation?.fixed, 'fixed', 32, 128),
  }
}
