import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { cosignature, messageFor } from '@countersign/protocol/log/cosignature.ts'
import type { Hash } from '@countersign/protocol/log/merkle.ts'
import { type NoteKey, type NoteSignature, noteKey } from '@countersign/protocol/log/note.ts'
import { encodeTreeHeadSignature, treeHeadInput } from '@countersign/protocol/log/staticCt.ts'

/** What a log is about to commit to. `timeMs` is in milliseconds since 1970, the same for every line of one round. */
export interface TreeHead {
  readonly size: bigint
  readonly root: Hash
  readonly timeMs: bigint
}

/** One of the log's own keys. Every checkpoint carries a line of each; `key.name` is the origin. */
export interface LogSigner {
  readonly key: NoteKey
  /** Signs the checkpoint whose text is `text`. When it fails, the entries of this round are refused and the log goes on. */
  line(text: string, head: TreeHead): Promise<NoteSignature>
}

/** Someone who states when they saw a checkpoint (C2SP tlog-cosignature): the built-in heartbeat, later outside witnesses. */
export interface Cosigner {
  readonly key: NoteKey
  /** Cosigns the checkpoint whose text is `text`. When it fails or takes too long, the checkpoint appears without its line. */
  line(text: string, head: TreeHead): Promise<NoteSignature>
}

/** The Ed25519 line (type 1) that tlog-tiles asks of every public log. Throws `log.key-malformed` for another kind of key. */
export function ed25519Signer(origin: string, signingKey: SigningKey): LogSigner {
  const key = noteKey(origin, 0x01, signingKey.spki)
  return {
    key,
    line: async (text) => lineOf(key, await signingKey.sign(new TextEncoder().encode(text))),
  }
}

/**
 * The RFC 6962 tree head (type 5) that static-ct-api asks of a certificate log, by its P-256 key; carries the time.
 * Throws `log.key-malformed` for a key that is not elliptic-curve.
 */
export function treeHeadSigner(origin: string, signingKey: SigningKey): LogSigner {
  const key = noteKey(origin, 0x05, signingKey.spki)
  return {
    key,
    async line(_text, { size, root, timeMs }) {
      const signature = await signingKey.sign(treeHeadInput(timeMs, size, root))
      return lineOf(key, encodeTreeHeadSignature(timeMs, signature))
    },
  }
}

/**
 * A timed Ed25519 cosignature (type 4) by the server's own heartbeat key: it proves that the server is alive, no more.
 * `name` is the cosigner's name, unlike the origin of any log. Throws `log.key-malformed` for another kind of key.
 */
export function heartbeatCosigner(name: string, signingKey: SigningKey): Cosigner {
  const key = noteKey(name, 0x04, signingKey.spki)
  return {
    key,
    async line(text, { timeMs }) {
      const seconds = timeMs / 1000n
      return cosignature(key, seconds, await signingKey.sign(messageFor(key, seconds, text)))
    },
  }
}

function lineOf({ name, keyHash }: NoteKey, signature: Uint8Array): NoteSignature {
  return { name, keyHash, signature }
}
