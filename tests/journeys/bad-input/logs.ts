import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { formatNote, noteKey, parseNote } from '@countersign/protocol/log/note.ts'
import { callInstance } from '../../support/callInstance.ts'
import type { BadInput } from './badInput.ts'
import { changedNote } from './bundleJson.ts'
import { openStolenKeys } from './forgedCertificate.ts'
import { changeByte, type Lie } from './lyingMirror.ts'
import { ANNA, type Setting } from './setting.ts'
import { certify, signBundle } from './signing.ts'

const ASKED_TWICE = '`log audit` and `verify` meet the same lie and have to name it alike'
const artifactCheckpoint = /\/api\/v2\/checkpoint$/

/** What a mirror in front of the logs must not get away with. Each client sees one lie, because a fork is never forgotten. */
export async function logRows(setting: Setting): Promise<BadInput[]> {
  const { production, clients, folder } = setting
  const file = path.join(folder, 'release-1.1.0')
  const artifact = Buffer.from('release 1.1.0\n')
  const old = await readCheckpoint(setting)
  writeFileSync(file, artifact)
  const bundle = await signBundle(production, artifact, await certify(production, production.token, ANNA))
  writeFileSync(`${file}.sigstore.json`, bundle)
  await production.client.run('log', 'audit')
  const forked = await forkOf(setting, await readCheckpoint(setting))

  const row = (input: string, expectedCode: string, about: RegExp, lie: Lie) => {
    return (expectedExit: number, name: string, ...command: string[]): BadInput => {
      const client = clients.make(name, production.client)
      return {
        ...{ input: `${input}: ${command[0]}`, expectedCode, expectedExit, recorded: 'nothing' },
        sharesCodeBecause: ASKED_TWICE,
        run: () => production.mirror.whileLying(about, lie, () => client.run(...command)),
      }
    }
  }
  const replayed = row('old checkpoint, replayed', 'feed.rolled-back', artifactCheckpoint, () => Buffer.from(old))
  const fork = row('forked checkpoint', 'feed.forked', artifactCheckpoint, () => Buffer.from(forked))
  const changed = row('served checkpoint, one byte changed', 'log.note-signature-wrong', artifactCheckpoint, (bytes) =>
    Buffer.from(changedNote(bytes.toString('utf8'))),
  )
  const tile = row('served tile, one byte changed', 'feed.tiles-wrong', /\/api\/v2\/tile\/0\//, changeByte)
  return [
    replayed(1, 'replayed-audit', 'log', 'audit'),
    replayed(2, 'replayed-verify', 'verify', file),
    fork(1, 'forked-audit', 'log', 'audit'),
    fork(2, 'forked-verify', 'verify', file),
    changed(1, 'changed-audit', 'log', 'audit'),
    changed(2, 'changed-verify', 'verify', file),
    { ...tile(2, 'tile-audit', 'log', 'audit', '--full') },
  ]
}

async function readCheckpoint({ production: { publicUrl, ca } }: Setting): Promise<string> {
  const { bytes } = await callInstance(`${publicUrl}/api/v2/checkpoint`, { ca })
  return bytes.toString('utf8')
}

/** Another history of the same size, signed by the log's own key: what only its operator could make. */
async function forkOf({ production }: Setting, note: string): Promise<string> {
  const keys = await openStolenKeys(production.folder, production.keyFile)
  const signingKey = await keys.open('log-artifacts')
  const key = noteKey(new URL(production.publicUrl).hostname, 0x01, signingKey.spki)
  const { root } = openCheckpoint(note, key)
  const text = parseNote(note).text.replace(root.toBase64(), changeByte(root).toBase64())
  const signature = await signingKey.sign(Buffer.from(text))
  return formatNote(text, [{ name: key.name, keyHash: key.keyHash, signature }])
}
