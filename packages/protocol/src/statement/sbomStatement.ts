import type { Statement } from '../bundle/parseStatement.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { statementError } from './errors.ts'
import { type JsonObject, jsonFields } from './jsonFields.ts'
import { type StatementKind, type StatementTarget, targetOf, writeStatement } from './statementJson.ts'

/** Predicate type of a CycloneDX SBOM; others write it with a version, `/v1.6`, which is read too. */
export const SBOM_PREDICATE_TYPE = 'https://cyclonedx.org/bom'

/** The SBOM of one artifact. */
export interface SbomClaims extends StatementTarget {
  /** CycloneDX document. Only its kind is checked here. */
  readonly bom: JsonObject
}

const VERSIONED = /^https:\/\/cyclonedx\.org\/bom(?:\/v1\.\d{1,2})?$/
const read = jsonFields((message) => statementError('statement.malformed', message))

/**
 * An SBOM as in-toto Statement v1 with a CycloneDX document as predicate, JCS bytes to be signed as DSSE.
 * Throws `statement.unwritable` for what `readSbomStatement` would refuse, and for what JSON cannot express.
 */
export function writeSbomStatement(claims: SbomClaims): Uint8Array {
  return writeStatement(kind, claims)
}

const kind: StatementKind<SbomClaims> = {
  predicateType: SBOM_PREDICATE_TYPE,
  predicate: ({ bom }) => bom,
  read: readSbomStatement,
}

/**
 * Reads an SBOM statement. That the document is sound CycloneDX is for whoever uses it to check. Trusts nothing.
 * Throws `statement.predicate-unknown`, `statement.subjects-wrong`, `statement.malformed`.
 */
export function readSbomStatement(statement: Statement): SbomClaims {
  const { sha256, name } = targetOf(statement, (type) => VERSIONED.test(type))
  const bom: JsonObject = read.object(statement.predicate, 'the SBOM')
  const format: JsonValue | undefined = bom.bomFormat
  if (format !== 'CycloneDX') throw statementError('statement.malformed', 'the SBOM is not a CycloneDX document')
  read.text(bom.specVersion, 'specVersion', { max: 8, pattern: /^1\.\d{1,2}$/ })
  return { sha256, name: read.text(name, 'the name of the artifact', { max: 255 }), bom }
}
