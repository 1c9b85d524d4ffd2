import { expectTag, oidValue, sequenceOf, stringValue } from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { oid, sequence, set, utf8String } from '../der/writeDer.ts'
import { toHex } from '../json/base64.ts'

/** The attributes of the names that this project writes. */
export interface NameAttributes {
  readonly commonName?: string
  readonly organization?: string
  /** The environment, on certificates of authorities. */
  readonly organizationalUnit?: string
}

const OID_COMMON_NAME = '2.5.4.3'
const OID_ORGANIZATION = '2.5.4.10'
const OID_ORGANIZATIONAL_UNIT = '2.5.4.11'

/** A Name (RFC 5280, 4.1.2.4) with one attribute a level: organization, unit, common name. Absent ones are left out. */
export function writeName(attributes: NameAttributes): Uint8Array {
  const levels: Uint8Array[] = []
  if (attributes.organization !== undefined) levels.push(level(OID_ORGANIZATION, attributes.organization))
  if (attributes.organizationalUnit !== undefined) {
    levels.push(level(OID_ORGANIZATIONAL_UNIT, attributes.organizationalUnit))
  }
  if (attributes.commonName !== undefined) levels.push(level(OID_COMMON_NAME, attributes.commonName))
  return sequence(...levels)
}

/** The Name without attributes, the subject of identity certificates. Do not write into it. */
export const EMPTY_NAME: Uint8Array = sequence()

function level(type: string, value: string): Uint8Array {
  return set(sequence(oid(type), utf8String(value)))
}

/** Reads the attributes of a Name that this project knows, first of each. Throws `der.*`. */
export function readName(der: Uint8Array): NameAttributes {
  const found = new Map<string, string>()
  for (const { type, value } of nameAttributes(readDer(der))) {
    if (!found.has(type) && knownTypes.has(type)) found.set(type, stringValue(value, 'an attribute of a name'))
  }
  const [commonName, organization, organizationalUnit] = [...knownTypes].map((type) => found.get(type))
  return {
    ...(commonName === undefined ? {} : { commonName }),
    ...(organization === undefined ? {} : { organization }),
    ...(organizationalUnit === undefined ? {} : { organizationalUnit }),
  }
}

const knownTypes: ReadonlySet<string> = new Set([OID_COMMON_NAME, OID_ORGANIZATION, OID_ORGANIZATIONAL_UNIT])

// RFC 4514, 3, and common practice for the serial number and e-mail address.
const shortNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
}

/**
 * A Name for people: RFC 4514 with its escapes, most specific level first (`CN=…,O=…`); empty for the empty name.
 * For messages and pages; names are compared by their DER. Throws `der.*` where `checkName` does.
 */
export function nameText(der: Uint8Array): string {
  return sequenceOf(readDer(der), 'a name')
    .toReversed()
    .map((relative) => relativeAttributes(relative).map(attributeText).join('+'))
    .join(',')
}

interface NameAttribute {
  readonly type: string
  readonly value: DerNode
}

function nameAttributes(name: DerNode): NameAttribute[] {
  return sequenceOf(name, 'a name').flatMap(relativeAttributes)
}

function relativeAttributes(relative: DerNode): NameAttribute[] {
  return expectTag(relative, 0x31, 'a level of a name').children.map((attribute) => {
    const [type, value] = sequenceOf(attribute, 'an attribute of a name', 2, 2)
    return { type: oidValue(type, 'an attribute type'), value: value as DerNode }
  })
}

/** Throws `der.*` where `name` is not a Name: SEQUENCE OF SET OF SEQUENCE { type, value }. */
export function checkName(name: DerNode): void {
  nameAttributes(name)
}

function attributeText({ type, value }: NameAttribute): string {
  const label = shortNames[type]
  const text = label === undefined ? undefined : readableText(value)
  // RFC 4514, 2.4: unknown types and what is no text show their encoding, so that no two names look alike.
  return text === undefined ? `${label ?? type}=#${toHex(value.raw)}` : `${label}=${escapeValue(text)}`
}

function readableText(value: DerNode): string | undefined {
  try {
    return stringValue(value, 'an attribute of a name')
  } catch {
    return undefined
  }
}

/** RFC 4514, 2.4; control characters as well, because this text reaches terminals. */
function escapeValue(text: string): string {
  return text
    .replace(/[\\",+;<>=]/g, '\\$&')
    .replace(/^[ #]| $/g, '\\$&')
    .replace(/\p{Cc}/gu, (character) => [...new TextEncoder().encode(character)].map(escapeByte).join(''))
}

function escapeByte(byte: number): string {
  return `\\${byte.toString(16).padStart(2, '0')}`
}
