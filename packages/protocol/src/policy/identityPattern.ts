import {
  arrayShape,
  checked,
  flagShape,
  objectShape,
  oneFieldShape,
  optional,
  type Shaped,
  stringShape,
} from './shape.ts'

/** Who a certificate may name for this policy: an issuer and a closed kind of subject. No expressions. */
export const identityPatternShape = objectShape({
  /** OpenID Connect issuer, compared byte by byte. */
  issuer: stringShape('an http(s) URL', /^https?:\/\/[^\s]+$/),
  subject: oneFieldShape({
    /** The whole subject: an e-mail address or a URI. */
    exact: stringShape('one subject without spaces', /^\S+$/),
    /** Any address directly at this domain; sub-domains do not count. */
    emailDomain: stringShape('a domain such as example.org', /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/),
    /** Any URI below this one, which must end in `/` so that a longer name cannot match. */
    uriPrefix: stringShape('a URI that ends in /', /^[a-z][a-z0-9+.-]*:\/\/\S+\/$/),
    /** Everyone whom the issuer signs in. */
    any: checked(flagShape, (value) => (value ? undefined : 'must be true')),
  }),
  /** Products (names, or a prefix ending in `/*`) that this identity may sign; absent means every product. */
  products: optional(
    arrayShape(stringShape('a product name, or a prefix ending in /*', /^[^\s*]+(?:\/\*)?$/), { min: 1, max: 1000 }),
  ),
})

/** One trusted identity of a verification policy. */
export type IdentityPattern = Shaped<typeof identityPatternShape>

/** Whether issuer and subject of a certificate are the ones that `pattern` names. Products are `coversProduct`'s business. */
export function matchesIdentity(pattern: IdentityPattern, identity: { issuer: string; subject: string }): boolean {
  if (pattern.issuer !== identity.issuer) return false
  const wanted = pattern.subject
  if ('exact' in wanted) return identity.subject === wanted.exact
  if ('uriPrefix' in wanted) {
    return identity.subject.startsWith(wanted.uriPrefix) && identity.subject.length > wanted.uriPrefix.length
  }
  if ('emailDomain' in wanted) return hasDomain(identity.subject, wanted.emailDomain)
  return wanted.any
}

/** Whether this identity may sign `product`; undefined where the product is unknown and the identity is limited to some. */
export function coversProduct(pattern: IdentityPattern, product: string | undefined): boolean | undefined {
  if (pattern.products === undefined) return true
  if (product === undefined) return undefined
  return pattern.products.some((one) =>
    one.endsWith('/*') ? product.startsWith(one.slice(0, -1)) && product.length > one.length - 1 : product === one,
  )
}

/** Domains are compared without case; the part before the last `@` may be anything. */
function hasDomain(subject: string, domain: string): boolean {
  const at = subject.lastIndexOf('@')
  return at > 0 && !subject.includes('/') && subject.slice(at + 1).toLowerCase() === domain
}
