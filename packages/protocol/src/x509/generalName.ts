import { asciiText, oidValue, partsOf, utf8Text } from '../der/derValues.ts'
import type { DerNode } from '../der/readDer.ts'
import { asciiBytes, explicit, oid, tagged, utf8String } from '../der/writeDer.ts'
import { toHex } from '../json/base64.ts'
import { x509Error } from './errors.ts'
import { USERNAME_OID } from './oids.ts'

/**
 * One alternative name. `ip` is the usual text of an address. `other` with `oid` is an otherName: for Fulcio's
 * user names (`1.3.6.1.4.1.57264.1.7`) `value` is the name, else the value's DER in hex. `other` without `oid` is any
 * other kind of GeneralName, DER in hex. Never decide by the value of an `other` without looking at `oid`.
 */
export interface GeneralName {
  readonly type: 'email' | 'uri' | 'dns' | 'ip' | 'other'
  readonly value: string
  readonly oid?: string
}

const TAG_OTHER_NAME = 0xa0
const TAG_EMAIL = 0x81
const TAG_DNS = 0x82
const TAG_URI = 0x86
const TAG_IP = 0x87

/** A GeneralName (RFC 5280, 4.2.1.6). `other` is written only as a user name. Throws `x509.unwritable`, `der.unwritable`. */
export function writeGeneralName(name: GeneralName): Uint8Array {
  switch (name.type) {
    case 'email':
      return tagged(TAG_EMAIL, asciiBytes(name.value))
    case 'dns':
      return tagged(TAG_DNS, asciiBytes(name.value))
    case 'uri':
      return tagged(TAG_URI, asciiBytes(name.value))
    case 'ip':
      return tagged(TAG_IP, addressBytes(name.value))
    case 'other':
      if (name.oid !== undefined && name.oid !== USERNAME_OID) {
        throw x509Error('x509.unwritable', 'the only otherName written is a user name')
      }
      return tagged(TAG_OTHER_NAME, oid(USERNAME_OID), explicit(0, utf8String(name.value)))
  }
}

/** The GeneralNames of a GeneralNames sequence, at least one. Throws `x509.malformed`, `der.*`. */
export function parseGeneralNames(node: DerNode, what: string, tag = 0x30): GeneralName[] {
  const names = node.tag === tag ? node.children.map(parseGeneralName) : []
  if (names.length === 0) throw x509Error('x509.malformed', `${what} holds no names`)
  return names
}

function parseGeneralName(node: DerNode): GeneralName {
  switch (node.tag) {
    case TAG_EMAIL:
      return { type: 'email', value: asciiText(node.content, 'an e-mail address') }
    case TAG_DNS:
      return { type: 'dns', value: asciiText(node.content, 'a DNS name') }
    case TAG_URI:
      return { type: 'uri', value: asciiText(node.content, 'a URI') }
    case TAG_IP:
      return { type: 'ip', value: addressText(node.content) }
    case TAG_OTHER_NAME:
      return parseOtherName(node)
  }
  return { type: 'other', value: toHex(node.raw) }
}

function parseOtherName(node: DerNode): GeneralName {
  const parts = partsOf(node, 'an otherName', TAG_OTHER_NAME)
  const type = oidValue(parts.takeAny('an otherName type'), 'an otherName type')
  const value = parts.take(0xa0, 'an otherName value').children[0]
  parts.end('an otherName')
  if (value === undefined) throw x509Error('x509.malformed', 'an otherName has no value')
  const isUserName = type === USERNAME_OID && value.tag === 0x0c
  return { type: 'other', oid: type, value: isUserName ? utf8Text(value.content, 'a user name') : toHex(value.raw) }
}

/** 4 or 16 bytes of an IP address from its text. */
function addressBytes(text: string): Uint8Array {
  const parts = /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(text) ? text.split('.').map(Number) : undefined
  if (parts?.every((part) => part <= 255)) return Uint8Array.from(parts)
  const canonical = canonicalIpv6(text)
  if (canonical === undefined) throw x509Error('x509.unwritable', 'not an IP address')
  const [head = '', tail] = canonical.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return Uint8Array.fromHex([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''))
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) throw x509Error('x509.malformed', 'an IP address has neither 4 nor 16 bytes')
  const groups = toHex(bytes).match(/.{4}/g) ?? []
  return canonicalIpv6(groups.join(':')) as string
}

/** The form of RFC 5952, which the host parser of URLs produces; undefined where `text` is no IPv6 address. */
function canonicalIpv6(text: string): string | undefined {
  if (!/^[0-9a-fA-F:.]+$/.test(text)) return undefined
  const url = URL.parse(`http://[${text}]/`)
  return url?.hostname.slice(1, -1)
}
