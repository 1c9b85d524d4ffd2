import { createHmac } from 'node:crypto'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { positiveIntegerBytes } from '@countersign/protocol/der/derValues.ts'
import { readDer } from '@countersign/protocol/der/readDer.ts'

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>

/** The claims of a token that somebody else made. */
export function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

/** A token that the issuer's own P-256 key signs (ES256), whatever it says. */
export async function signToken(key: SigningKey, claims: Claims, kid: string = key.keyId): Promise<string> {
  const input = signingInput({ alg: 'ES256', kid }, claims)
  return `${input}.${joseSignature(await key.sign(Buffer.from(input))).toString('base64url')}`
}

/** A token with `alg: none` and no signature (RFC 7519, 6). */
export function unsignedToken(claims: Claims): string {
  return `${signingInput({ alg: 'none' }, claims)}.`
}

/** A token whose HMAC has the issuer's public key as its secret: right for whoever lets the token choose the algorithm. */
export function confusedToken(key: SigningKey, claims: Claims): string {
  const input = signingInput({ alg: 'HS256', kid: key.keyId }, claims)
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' })
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function signingInput(header: Claims, claims: Claims): string {
  return [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
}

/** r and s of P-256, 32 bytes each (RFC 7518, 3.4). */
function joseSignature(der: Uint8Array): Buffer {
  const parts = readDer(der).children.map((part) => Buffer.from(positiveIntegerBytes(part, 'part of the signature')))
  return Buffer.concat(parts.map((part) => Buffer.concat([Buffer.alloc(32 - part.length), part])))
}

/** A token with other claims under the signature that it had. */
export function withOtherClaims(token: string, claims: Claims): string {
  const [header, , signature] = token.split('.')
  return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
}
