import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { formatNote, noteKey, parseNote } from '@countersign/protocol/log/note.ts'
import { callInstance } from '../../support/callInstance.ts'
import type { BadInput } from './badInput.ts'
import { changedNote } from './bundleJson.ts'
import { openStolenKeys } from './forgedCertificate.ts'
import { changeByte, type Lie } from './lyingMirror.ts'
import { ANNA, type Production, type Setting } from './setting.ts'
import { certify, signBundle } from './signing.ts'

const checkpoint = /\/api\/v2\/checkpoint$/
const tile = /\/api\/v2\/tile\/0\//

/** What a mirror in front of the logs must not get away with. */
export async function logRows({ production, clients, folder }: Setting): Promise<BadInput[]> {
  const old = await readCheckpoint(production)
  const file = path.join(folder, 'release-1.1.0')
  await signRelease(production, file)
  await production.client.run('log', 'audit')
  const log = { keyName: 'log-artifacts', origin: new URL(production.publicUrl).hostname }
  const fork = await forkOf(production, log, await readCheckpoint(production))
  const [audit, verify] = [
    ['log', 'audit'],
    ['verify', file],
  ] as const
  let machines = 0
  const row = (about: RegExp, lie: Lie) => {
    return (input: string, expectedCode: string, expectedExit: number, ...words: readonly string[]): BadInput => {
      // A machine of its own, because a fork is never forgotten.
      const client = clients.make(`lied-to-${++machines}`, production.client)
      const run = () => production.mirror.whileLying(about, lie, () => client.run(...words))
      return { input: `${input}: ${words[0]}`, expectedCode, expectedExit, recorded: 'nothing', run }
    }
  }
  const replayed = row(checkpoint, () => Buffer.from(old))
  const forked = row(checkpoint, () => Buffer.from(fork))
  const changed = row(checkpoint, (bytes) => Buffer.from(changedNote(bytes.toString('utf8'))))
  return [
    replayed('old checkpoint, replayed', 'feed.rolled-back', 1, ...audit),
    replayed('old checkpoint, replayed', 'feed.rolled-back', 2, ...verify),
    forked('forked checkpoint', 'feed.forked', 1, ...audit),
    forked('forked checkpoint', 'feed.forked', 2, ...verify),
    changed('served checkpoint, one byte changed', 'log.note-signature-wrong', 1, ...audit),
    changed('served checkpoint, one byte changed', 'log.note-signature-wrong', 2, ...verify),
    row(tile, changeByte)('served tile, one byte changed', 'feed.tiles-wrong', 2, ...audit, '--full'),
  ]
}

async function signRelease(production: Production, file: string): Promise<void> {
  const artifact = Buffer.from('release 1.1.0\n')
  writeFileSync(file, artifact)
  const bundle = await signBundle(production, artifact, await certify(production, production.token, ANNA))
  writeFileSync(`${file}.sigstore.json`, bundle)
}

async function readCheckpoint({ publicUrl, ca }: Production): Promise<string> {
  const { bytes } = await callInstance(`${publicUrl}/api/v2/checkpoint`, { ca })
  return bytes.toString('utf8')
}

/** A log and what its operator calls its key. */
export interface ForkedLog {
  readonly keyName: string
  readonly origin: string
}

/** Another history of the same size as `note`, signed by the log's own key: what only its operator could make. */
export async function forkOf(
  { folder, keyFile }: { readonly folder: string; readonly keyFile: string },
  { keyName, origin }: ForkedLog,
  note: string,
): Promise<string> {
  const signingKey = await (await openStolenKeys(folder, keyFile)).open(keyName)
  const key = noteKey(origin, 0x01, signingKey.spki)
  const { root } = openCheckpoint(note, key)
  const text = parseNote(note).text.replace(root.toBase64(), changeByte(root).toBase64())
  const signature = await signingKey.sign(Buffer.from(text))
  return formatNote(text, [{ name: key.name, keyHash: key.keyHash, signature }])
}
