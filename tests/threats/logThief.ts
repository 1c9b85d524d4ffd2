import { createPublicKey } from 'node:crypto'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { TestLog } from '@countersign/local/feed/logFixture.ts'
import { logKey } from '@countersign/local/feed/logKey.ts'
import { openLogReader, readEntries } from '@countersign/local/feed/logReader.ts'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { formatVkey, type NoteKeyType, noteKey } from '@countersign/protocol/log/note.ts'
import type { PolicyLog } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Scene } from './scene.ts'
import { stolenKey } from './stolenKeys.ts'

type Signer = TestLog['signer']

/** A revocation log in the hands of a thief: its own key signs whatever the thief wants, in front of the real one. */
export interface StolenLog {
  /** What the log really holds. */
  readonly entries: readonly Uint8Array[]
  /** Serves a log of these entries, signed by the log's key and cosigned by `witness`, which is the instance's own unless said otherwise. */
  show(entries: readonly Uint8Array[], more?: { readonly witness?: Signer; readonly time?: Date }): void
  /** A signed checkpoint of these entries, for a push. */
  checkpoint(entries: readonly Uint8Array[]): string
  /** The instance's own witness, whose key lies beside the log's. */
  readonly heartbeat: Signer
}

/** Takes the revocation log over, with the key and the heartbeat key from the instance's folder. */
export async function stealLog(scene: Scene): Promise<StolenLog> {
  const { policy, ...anchors } = await scene.anchors()
  const [log] = policy.logs.revocations
  const [named] = policy.witnesses.of
  if (log === undefined || named === undefined) throw new Error('the policy names no revocation log or no witness')
  const signer = await signerOf(scene, 'log-revocations', log.origin, 0x01)
  const heartbeat = await signerOf(scene, 'heartbeat', named.name, 0x04)
  const prefix = `${new URL(log.url).pathname.replace(/\/$/, '')}/`
  const made = (entries: readonly Uint8Array[], witness: Signer, time: Date) => {
    const forged = new TestLog(log.origin, signer)
    forged.entries.push(...entries)
    return { files: forged.files(), checkpoint: forged.checkpoint(witness, time) }
  }
  return {
    heartbeat,
    entries: await entriesOf(log, tlsTrust(anchors)),
    show(entries, { witness = heartbeat, time } = {}) {
      scene.network.lie((path) => {
        if (!path.startsWith(prefix)) return undefined
        const { files, checkpoint } = made(entries, witness, time ?? new Date())
        const name = path.slice(prefix.length)
        return name === 'checkpoint' ? Buffer.from(checkpoint) : (files.get(name) ?? 'missing')
      })
    },
    checkpoint: (entries) => made(entries, heartbeat, new Date()).checkpoint,
  }
}

async function signerOf(scene: Scene, keyName: string, name: string, type: NoteKeyType): Promise<Signer> {
  const privateKey = await stolenKey(scene, keyName)
  const spki = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }))
  const key = noteKey(name, type, spki)
  return { key, vkey: formatVkey(key), privateKey }
}

/** The entries of a log of fewer than 256. */
async function entriesOf(log: PolicyLog, trust: ReturnType<typeof tlsTrust>): Promise<Uint8Array[]> {
  const reader = openLogReader(log.url, { clock: systemClock, timeoutMs: 5000, trust })
  const { note } = await reader.checkpoint()
  const { size } = openCheckpoint(note, logKey(log, 'revocations'))
  return size === 0n ? [] : readEntries(await reader.entries(0n, size, 'entries'), Number(size))
}
