import { type ValidatorName, validatorName } from '../x509/validatorName.ts'
import { statementError } from './errors.ts'

/** `<issuer>/<name>`: the identity that stands in a validator's certificates. Throws `statement.validator-wrong`. */
export function validatorUri({ issuer, name }: ValidatorName): string {
  const uri = `${issuer}/${name}`
  parseValidatorUri(uri)
  return uri
}

/** Takes `<public-url>/validators/<name>` apart. Throws `statement.validator-wrong` for anything else. */
export function parseValidatorUri(uri: string): ValidatorName {
  const parts = validatorName(uri)
  if (parts !== undefined) return parts
  throw statementError('statement.validator-wrong', 'a validator is named <public-url>/validators/<name>')
}
