import { readFileSync, writeFileSync } from 'node:fs'

/** A file and a bundle that is said to be for it. */
export interface Pair {
  readonly file: string
  readonly bundle: string
}

/** A way to make a wrong pair from a sound one: one byte, and everything still has its form. */
export interface Change {
  /** Where the byte is. */
  readonly of: 'file' | 'signature' | 'statement'
  make(pair: Pair): Pair
}

interface BundleJson {
  readonly messageSignature?: { signature: string }
  readonly dsseEnvelope?: { payload: string; readonly signatures: { sig: string }[] }
}

/** The first byte of the file. */
export const changeFile: Change = {
  of: 'file',
  make({ file, bundle }) {
    const bytes = readFileSync(file)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    writeFileSync(`${file}.changed`, bytes)
    return { file: `${file}.changed`, bundle }
  },
}

/** A byte of the first number, so that the encoding stays right and only the signature is wrong. */
export const changeSignature: Change = {
  of: 'signature',
  make({ file, bundle }) {
    const json: BundleJson = JSON.parse(readFileSync(bundle, 'utf8'))
    const { messageSignature, dsseEnvelope } = json
    if (messageSignature) messageSignature.signature = changedSignature(messageSignature.signature)
    for (const signature of dsseEnvelope?.signatures ?? []) signature.sig = changedSignature(signature.sig)
    return { file, bundle: write(bundle, 'signature', json) }
  },
}

/** A letter of a text that stands in the statement, so that it still is a statement about the same file. */
export function changeStatement({ sound, changed }: { readonly sound: string; readonly changed: string }): Change {
  return {
    of: 'statement',
    make({ file, bundle }) {
      const { dsseEnvelope, ...others }: BundleJson = JSON.parse(readFileSync(bundle, 'utf8'))
      const stated = Buffer.from(dsseEnvelope?.payload ?? '', 'base64').toString('utf8')
      if (!stated.includes(sound)) throw new Error(`the statement does not say ${sound}: ${stated}`)
      const payload = Buffer.from(stated.replace(sound, changed)).toString('base64')
      return { file, bundle: write(bundle, 'statement', { ...others, dsseEnvelope: { ...dsseEnvelope, payload } }) }
    },
  }
}

function changedSignature(base64: string): string {
  const signature = Uint8Array.fromBase64(base64)
  signature[12] = (signature[12] ?? 0) ^ 1
  return signature.toBase64()
}

function write(bundle: string, of: Change['of'], json: object): string {
  const name = bundle.replace(/(?:\.sigstore)?\.json$/, `.${of}-changed.sigstore.json`)
  writeFileSync(name, JSON.stringify(json))
  return name
}
