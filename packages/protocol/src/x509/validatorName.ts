/** Names of products, versions, channels and validators: 1 to 128 characters that need no escaping in addresses and files. */
export const SHORT_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** Last part of the path of a certification authority's address, and of the issuer of every validator. */
export const VALIDATORS_PATH = '/validators'

const MAX_URI_LENGTH = 2048

/** A validator as certificates and policies name it. */
export interface ValidatorName {
  /** `<public-url>/validators`. */
  readonly issuer: string
  /** `SHORT_NAME`. */
  readonly name: string
}

/** Takes `<public-url>/validators/<name>` apart; undefined for anything else, such as a URI with `..` or a user name. */
export function validatorName(uri: string): ValidatorName | undefined {
  const end = Math.max(uri.lastIndexOf('/'), 0)
  const [issuer, name] = [uri.slice(0, end), uri.slice(end + 1)]
  const url = uri.length > MAX_URI_LENGTH ? null : URL.parse(issuer)
  if (url === null || !/^https?:$/.test(url.protocol) || !url.pathname.endsWith(VALIDATORS_PATH)) return undefined
  // The same text again, so that there is nothing for two programs to read differently.
  return `${url.origin}${url.pathname}` === issuer && SHORT_NAME.test(name) ? { issuer, name } : undefined
}
