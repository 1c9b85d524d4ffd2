import { parseStatement, type Statement } from '../bundle/parseStatement.ts'
import { CodedError } from '../errors/codedError.ts'
import { toHex } from '../json/base64.ts'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { statementError } from './errors.ts'

/** DSSE payload type of in-toto statements. */
export const STATEMENT_PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** The one artifact that a statement of ours is about. */
export interface StatementTarget {
  /** Lower-case hex. */
  readonly sha256: string
  /** File name, for people; 1 to 255 characters. */
  readonly name: string
}

/** One kind of statement: what it says in JSON, and its reader. */
export interface StatementKind<Claims extends StatementTarget> {
  readonly predicateType: string
  /** What it says, before it is known to be readable. */
  readonly predicate: (claims: Claims) => JsonValue
  /** Throws for what it would not accept from others. */
  readonly read: (statement: Statement) => unknown
}

/**
 * An in-toto statement v1 about one artifact, as the JCS bytes that are signed. They are read back first, because what is
 * signed and logged once can never be corrected. Throws `statement.unwritable` for what `kind.read` refuses.
 */
export function writeStatement<Claims extends StatementTarget>(
  kind: StatementKind<Claims>,
  claims: Claims,
): Uint8Array {
  const { sha256, name } = claims
  try {
    const bytes = canonicalJson({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name, digest: { sha256 } }],
      predicateType: kind.predicateType,
      predicate: kind.predicate(claims),
    })
    kind.read(parseStatement(STATEMENT_PAYLOAD_TYPE, bytes))
    return bytes
  } catch (cause) {
    // A RangeError: a time that is none.
    if (!(cause instanceof CodedError) && !(cause instanceof RangeError)) throw cause
    throw statementError('statement.unwritable', `the statement cannot be written: ${cause.message}`, { cause })
  }
}

/**
 * The one artifact of a statement of a known kind. Throws `statement.predicate-unknown` for another kind,
 * `statement.subjects-wrong` for none or several artifacts.
 */
export function targetOf(statement: Statement, isKnown: (predicateType: string) => boolean): StatementTarget {
  if (!isKnown(statement.predicateType)) {
    throw statementError('statement.predicate-unknown', 'the statement is of another kind')
  }
  const [subject, ...others] = statement.subjects
  if (subject === undefined || others.length > 0) {
    throw statementError('statement.subjects-wrong', 'the statement is not about exactly one artifact')
  }
  return { sha256: toHex(subject.sha256), name: subject.name }
}
