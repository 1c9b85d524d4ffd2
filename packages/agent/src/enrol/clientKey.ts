import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import { stateError } from '../state/errors.ts'

const MAX_KEY_BYTES = 16 * 1024

/**
 * The device's own P-256 key, made here at the first call and durable before it is used, so that enrolling again after a crash
 * presents the same key. Mode 0600; it never leaves the device. Throws `files.*`, `state.damaged`.
 */
export async function openClientKey(folder: DataFolder): Promise<KeyObject> {
  if (!existsSync(folder.key)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
    await createFile(folder.key, Buffer.from(pem), { point: 'agent.key', mode: 0o600 })
  }
  try {
    return createPrivateKey({ key: await readKeyPem(folder), format: 'pem' })
  } catch {
    // Without the cause, which may quote the file.
    throw stateError('state.damaged', `${folder.key} is no private key`)
  }
}

/** The key as PEM, for TLS. Throws `files.*`. */
export async function readKeyPem(folder: DataFolder): Promise<string> {
  return Buffer.from(await readBounded(folder.key, MAX_KEY_BYTES)).toString()
}
