import { changeByte } from './lyingMirror.ts'

/** The parts of a bundle that rows change; base64 where bytes are. */
export interface BundleJson {
  verificationMaterial: {
    certificate: { rawBytes: string }
    tlogEntries: [{ inclusionProof: { hashes: string[]; checkpoint: { envelope: string } } }]
    timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: string }] }
  }
  messageSignature: { signature: string }
}

/** The bundle `text` after `change`. */
export function changedBundle(text: string, change: (bundle: BundleJson) => void): string {
  const bundle = JSON.parse(text) as BundleJson
  change(bundle)
  return JSON.stringify(bundle)
}

/** Base64 with one byte changed: the last one, which in DER is inside the last value, unless `at` says another. */
export function changedBase64(text: string, at?: number): string {
  const bytes = Uint8Array.fromBase64(text)
  return changeByte(bytes, at ?? bytes.length - 1).toBase64()
}

/** A signed note with one byte of its first signature changed. */
export function changedNote(note: string): string {
  return note.replace(/^(— \S+ )(\S+)$/m, (_, name: string, signature: string) => name + changedBase64(signature))
}
