import { accountError } from '../errors.ts'

/** RFC 5321, 4.5.3.1: a path of 256 octets less its angle brackets. */
const MAX_EMAIL_LENGTH = 254

const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const DOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/**
 * The form of an address that stands in certificates: ASCII (an rfc822Name is an IA5String, RFC 5280, 4.2.1.6), no quoting,
 * the domain in lower case. The local part stays as given: only its mail server knows whether case matters.
 * Throws `account.email-invalid`.
 */
export function readEmailAddress(text: string): string {
  const trimmed = text.trim()
  const at = trimmed.lastIndexOf('@')
  const local = trimmed.slice(0, at)
  const domain = trimmed.slice(at + 1).toLowerCase()
  const valid =
    at > 0 && local.length <= 64 && trimmed.length <= MAX_EMAIL_LENGTH && LOCAL_PART.test(local) && DOMAIN.test(domain)
  if (!valid) throw accountError('account.email-invalid', 'the address is not of the form name@example.org in ASCII')
  return `${local}@${domain}`
}

/**
 * The address of a person of the embedded issuer: all in lower case, so that two spellings are not two people. In practice
 * no mail server tells them apart. Throws `account.email-invalid`.
 */
export function readPersonAddress(text: string): string {
  return readEmailAddress(text).toLowerCase()
}
