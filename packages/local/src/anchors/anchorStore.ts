import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { decodeBase64, encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import {
  arrayShape,
  countShape,
  objectShape,
  type Shape,
  type Shaped,
  ShapeProblem,
  stringShape,
  wordShape,
} from '@countersign/protocol/policy/shape.ts'
import { configFolder } from '../files/appDirs.ts'
import { makeFolder, removeFile, replaceFile } from '../files/durable.ts'
import { readBounded } from '../files/readBounded.ts'
import { anchorsError } from './errors.ts'

/** An installed anchor as it lies on disk: everything in one file, so that it changes as a whole or not at all. */
export type StoredAnchor = Shaped<typeof storedAnchorShape>

const MAX_STORED_BYTES = 16 * 1024 * 1024

const base64: Shape<Uint8Array> = (value, path) => {
  if (typeof value !== 'string') throw new ShapeProblem('invalid', path, 'must be base64')
  return decodeBase64(value, path)
}
const storedAnchorShape = objectShape({
  v: countShape(1, 1),
  url: stringShape('an https URL', /^https:\/\/\S+$/),
  httpUrl: stringShape('an http(s) URL', /^https?:\/\/\S+$/),
  environment: wordShape('development', 'production'),
  rootSha256: stringShape('a SHA-256 digest', /^[0-9a-f]{64}$/),
  addedAt: stringShape('a time', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  repository: objectShape({
    roots: arrayShape(base64, { min: 1, max: 4096 }),
    timestamp: base64,
    snapshot: base64,
    targets: base64,
    files: objectShape({
      'trusted_root.json': base64,
      'signing_config.v0.2.json': base64,
      'verification_policy.json': base64,
      'device_root.pem': base64,
    }),
  }),
})

/** The folder that holds everything this machine knows of one instance. */
export function anchorFolder(rootSha256: string, config: string = configFolder()): string {
  return join(config, 'anchors', rootSha256)
}

/** Hashes of the first roots that are installed, in no particular order. */
export function installedRoots(config: string = configFolder()): string[] {
  const folder = join(config, 'anchors')
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name))
  return names.filter((name) => existsSync(anchorFile(name, config)))
}

/** Writes the anchor durably, replacing what was there as a whole. Throws `files.*`. */
export async function saveAnchor(anchor: StoredAnchor, config: string = configFolder()): Promise<void> {
  const { roots, timestamp, snapshot, targets, files } = anchor.repository
  const repository = {
    roots: roots.map(encodeBase64),
    timestamp: encodeBase64(timestamp),
    snapshot: encodeBase64(snapshot),
    targets: encodeBase64(targets),
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, encodeBase64(bytes)])),
  }
  const text = JSON.stringify({ ...anchor, repository })
  await makeFolder(anchorFolder(anchor.rootSha256, config), { point: 'anchors.folder', mode: 0o700 })
  await replaceFile(anchorFile(anchor.rootSha256, config), Buffer.from(text), { point: 'anchors.save', mode: 0o600 })
}

/** Reads one anchor; only its form is checked. Throws `anchors.tampered` for what `saveAnchor` would not write. */
export async function loadAnchor(rootSha256: string, config: string = configFolder()): Promise<StoredAnchor> {
  const bytes = await readBounded(anchorFile(rootSha256, config), MAX_STORED_BYTES)
  try {
    const json: JsonValue = parseJson(bytes, { maxBytes: MAX_STORED_BYTES })
    return storedAnchorShape(json, '')
  } catch (cause) {
    throw anchorsError('anchors.tampered', `the stored anchor ${rootSha256.slice(0, 16)} cannot be read`, { cause })
  }
}

/** Removes the anchor durably; what its feed knew stays, in case the same instance is trusted again. */
export async function deleteAnchor(rootSha256: string, config: string = configFolder()): Promise<void> {
  await removeFile(anchorFile(rootSha256, config), { point: 'anchors.remove' })
}

function anchorFile(rootSha256: string, config: string): string {
  return join(anchorFolder(rootSha256, config), 'anchor.json')
}
