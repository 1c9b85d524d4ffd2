import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { filesError } from '@countersign/local/files/errors.ts'
import { outputError } from '../output/errors.ts'

/** What is signed or verified: bytes from a file or standard input, or only their digest. */
export interface Artifact {
  /** As the person named it. */
  readonly name: string
  readonly digest: Uint8Array
  /** Of artifacts up to 4 MiB: larger ones are not kept in memory. */
  readonly bytes?: Uint8Array
  /** Where its bundle lies unless said otherwise; undefined where there is no file beside which it could. */
  readonly bundlePath?: string
}

const MAX_KEPT_BYTES = 4 * 1024 * 1024

/** Hash functions that a bundle can name. */
export type HashName = 'sha256' | 'sha384' | 'sha512'

/**
 * Reads `name` as a stream and hashes it: a path, `-` for standard input, or `sha256:<hex>`, which is the digest itself.
 * Throws `cli.usage` for a malformed digest, `files.not-found`, `files.not-readable`.
 */
export async function readArtifact(name: string, hash: HashName = 'sha256', signal?: AbortSignal): Promise<Artifact> {
  const [prefix, hex] = name.split(':', 2)
  if (prefix === hash && hex !== undefined) return { name, digest: parseDigest(hex, hash) }
  const stream = name === '-' ? process.stdin : createReadStream(name, { highWaterMark: 1024 * 1024 })
  if (signal) addAbortSignal(signal, stream)
  const digest = createHash(hash)
  const kept: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      digest.update(chunk)
      size += chunk.length
      if (size <= MAX_KEPT_BYTES) kept.push(chunk)
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw readFailure(name, error)
  }
  return {
    name,
    digest: new Uint8Array(digest.digest()),
    ...(size <= MAX_KEPT_BYTES && { bytes: Buffer.concat(kept) }),
    ...(name !== '-' && { bundlePath: `${name}.sigstore.json` }),
  }
}

/** Reads `sha256:<64 hex digits>`, or only the digits. Throws `cli.usage`. */
export function parseDigest(text: string, hash: HashName = 'sha256'): Uint8Array {
  const hex = text.startsWith(`${hash}:`) ? text.slice(hash.length + 1) : text
  const bytes = Number(hash.slice(3)) / 8
  if (!/^[0-9a-f]*$/i.test(hex) || hex.length !== bytes * 2) {
    throw outputError('cli.usage', `a digest reads ${hash}: and ${bytes * 2} hexadecimal digits`)
  }
  return Uint8Array.fromHex(hex)
}

function readFailure(name: string, error: unknown): unknown {
  const errno = errnoOf(error)
  if (errno === undefined) return error
  if (errno === 'ENOENT') return filesError('files.not-found', `there is no file ${name}`, { cause: error })
  return filesError('files.not-readable', `cannot read ${name}: ${errno}`, { cause: error })
}
