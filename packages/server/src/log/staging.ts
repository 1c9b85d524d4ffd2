import { concatBytes, toHex } from '@countersign/protocol/json/base64.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { parseTilePath } from '@countersign/protocol/log/tiles.ts'
import { logKeepingError } from './errors.ts'

/** One tile or entry bundle: its path below the log's folder, such as `tile/0/000.p/7`. */
export interface StagedFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Every file of one round in one object, stored before the round is committed. */
export interface StagedBundle {
  /** Below the log's folder. */
  readonly path: string
  readonly bytes: Uint8Array
}

const NAME = /^staging\/(?<oldSize>0|[1-9]\d{0,18})-(?<digest>[0-9a-f]{64})$/
const LENGTH_BYTES = 4

/**
 * Packs the files of a round that starts from `oldSize` entries: u32 length of the index, the index (JSON of path and
 * length of each file), then the files. The name holds the old size, because the same tree grown in other steps has
 * other partial tiles, and the digest, so that what is read back is what was committed.
 */
export function packBundle(oldSize: bigint, files: readonly StagedFile[]): StagedBundle {
  const index = new TextEncoder().encode(JSON.stringify(files.map(({ path, bytes }) => [path, bytes.length])))
  const length = new Uint8Array(LENGTH_BYTES)
  new DataView(length.buffer).setUint32(0, index.length)
  const bytes = concatBytes(length, index, ...files.map((file) => file.bytes))
  return { path: `staging/${oldSize}-${toHex(sha256(bytes))}`, bytes }
}

/** Unpacks what `packBundle` made. Throws `log.files-wrong` unless `bytes` are those that `path` names. */
export function unpackBundle({ path, bytes }: StagedBundle): StagedFile[] {
  if (bundleName(path)?.digest !== toHex(sha256(bytes))) {
    throw logKeepingError('log.files-wrong', `${path} is not the bundle that was committed`)
  }
  const indexLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  let at = LENGTH_BYTES + indexLength
  const index = JSON.parse(Buffer.from(bytes.subarray(LENGTH_BYTES, at)).toString()) as [string, number][]
  return index.map(([file, length]) => {
    parseTilePath(file)
    at += length
    return { path: file, bytes: bytes.subarray(at - length, at) }
  })
}

/** Size of the tree that a bundle was made to extend, or undefined where `path` does not name a bundle. */
export function bundleStart(path: string): bigint | undefined {
  const name = bundleName(path)
  return name === undefined ? undefined : BigInt(name.oldSize)
}

function bundleName(path: string): { readonly oldSize: string; readonly digest: string } | undefined {
  const { oldSize, digest } = NAME.exec(path)?.groups ?? {}
  return oldSize === undefined || digest === undefined ? undefined : { oldSize, digest }
}
