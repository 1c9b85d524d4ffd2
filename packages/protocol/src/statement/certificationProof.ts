import { canonicalJson } from '../json/canonicalJson.ts'
import { statementError } from './errors.ts'
import { jsonFields } from './jsonFields.ts'
import { parseValidatorUri, validatorUri } from './validatorUri.ts'

/** What the certificate of a certification is asked for. */
export interface CertificationProofClaims {
  /** Of the artifact, lower-case hex. */
  readonly sha256: string
  /** End of the certification, in whole seconds; fractions are cut off. */
  readonly notAfter: Date
  /** URI that the certificate will name: `<public-url>/validators/<name>`. */
  readonly validator: string
}

const read = jsonFields((message) => statementError('statement.unwritable', message))

/**
 * The exact bytes that the fresh key of a certification signs to prove that it is the requester's:
 * JCS of {"v":1,"use":"countersign certification","sha256","notAfter","validator"}, `notAfter` in whole seconds of RFC 3339.
 * They name who asks for what, so that the proof fits no other request; no DSSE payload begins like this.
 * Throws `statement.unwritable`, `statement.validator-wrong`.
 */
export function certificationProof({ sha256, notAfter, validator }: CertificationProofClaims): Uint8Array {
  if (Number.isNaN(notAfter.getTime()) || notAfter.getUTCFullYear() > 9999) {
    throw statementError('statement.unwritable', 'notAfter is not a time that RFC 3339 can write')
  }
  return canonicalJson({
    v: 1,
    use: 'countersign certification',
    sha256: read.sha256(sha256, 'sha256'),
    notAfter: `${notAfter.toISOString().slice(0, 19)}Z`,
    validator: validatorUri(parseValidatorUri(validator)),
  })
}
