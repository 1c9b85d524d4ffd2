import { decodeBase64, encodeBase64 } from '../json/base64.ts'
import { x509Error } from './errors.ts'

const MAX_PEM_CHARACTERS = 1 << 20
const MAX_PEM_BLOCKS = 100

/**
 * The contents of the PEM blocks in `text` (RFC 7468) that carry one of `labels`, in order. Other blocks and text
 * between blocks are skipped. At least one block must be there, at most 100, in 1 MiB of text. Throws `x509.bad-pem`.
 */
export function readPem(text: string, labels: readonly string[]): Uint8Array[] {
  if (text.length > MAX_PEM_CHARACTERS) throw x509Error('x509.bad-pem', 'the PEM text is longer than 1 MiB')
  const blocks: Uint8Array[] = []
  for (const [, label = '', body = '', endLabel] of text.matchAll(blockPattern)) {
    if (label !== endLabel) throw x509Error('x509.bad-pem', 'a PEM block ends with another label')
    if (labels.includes(label)) blocks.push(decodeBody(body))
    if (blocks.length > MAX_PEM_BLOCKS) throw x509Error('x509.bad-pem', `more than ${MAX_PEM_BLOCKS} PEM blocks`)
  }
  if (blocks.length === 0) throw x509Error('x509.bad-pem', `no PEM block ${labels.join(' or ')}`)
  return blocks
}

const blockPattern = /-----BEGIN ([A-Z0-9 ]{1,64})-----([^-]*)-----END ([A-Z0-9 ]{1,64})-----/g

function decodeBody(body: string): Uint8Array {
  try {
    return decodeBase64(body.replace(/[ \t\r\n]/g, ''), 'a PEM block')
  } catch (cause) {
    throw x509Error('x509.bad-pem', 'a PEM block is not base64', { cause })
  }
}

/** One PEM block with lines of 64 characters and a final line feed (RFC 7468). */
export function writePem(label: string, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
