import { Buffer } from 'node:buffer'
import { jsonError } from './errors.ts'

/**
 * Decodes standard base64 (RFC 4648, 4) with padding; white space, the URL alphabet, missing padding and set trailing
 * bits are refused, so that one value has one text. `what` names the value in the message.
 * Does not limit the length: the text came out of a document whose size was limited. Throws `json.bad-base64`.
 */
export function decodeBase64(text: string, what: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const expected = (text.length / 4) * 3 - padding
  let bytes: Uint8Array
  try {
    bytes = Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })
  } catch (cause) {
    throw jsonError('json.bad-base64', `${what} is not base64`, { cause })
  }
  // fromBase64 skips white space, which shows as fewer bytes than characters.
  if (bytes.length !== expected) throw jsonError('json.bad-base64', `${what} is not base64 without white space`)
  return bytes
}

/** Standard base64 with padding (RFC 4648, 4). */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64()
}

/** Lower-case hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex()
}

/**
 * Decodes lower-case hexadecimal. Upper case is refused because key ids and serial numbers are compared as text.
 * `what` names the value in the message. Throws `json.bad-hex`.
 */
export function fromHex(text: string, what: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw jsonError('json.bad-hex', `${what} is not hexadecimal`)
  return Uint8Array.fromHex(text)
}

/** True where both hold the same bytes. Not for secrets: the time it takes depends on the content. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

/** One new array holding `parts` in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.length
  const joined = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}
