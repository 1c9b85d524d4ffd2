import { createHash } from 'node:crypto'
import { systemClock } from '@countersign/local/clock/clock.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models'
import {
  expiryAfter,
  readRoot,
  readSnapshot,
  readTargets,
  readTimestamp,
  signMetadata,
  tufKey,
} from 'countersign-server/trust/anchors/tufMetadata.ts'
import { callInstance } from '../support/callInstance.ts'
import type { Answer } from './network.ts'
import type { Scene } from './scene.ts'
import { stolenKeys } from './stolenKeys.ts'

/** What the thief signs anew; snapshot and timestamp follow from it, with the keys that the thief has in any case. */
export interface ForgedTrust {
  /** Signs a next root that names this key for all roles. */
  readonly root?: SigningKey
  /** Signs the targets, and may be the wrong key for that. */
  readonly targets?: SigningKey
  /** In place of the distributed policy. */
  readonly policy?: VerificationPolicy
  /** Further targets. */
  readonly files?: Readonly<Record<string, Uint8Array>>
  /** Names targets of this many versions ago. */
  readonly older?: number
}

/** Makes the next version of an instance's TUF repository by a thief's hand: what a mirror has to answer for it. */
export async function publishForged(scene: Scene, forged: ForgedTrust): Promise<Answer> {
  const keys = await stolenKeys(scene)
  const [snapshotKey, timestampKey] = [await keys.open('tuf-snapshot'), await keys.open('tuf-timestamp')]
  const timestamp = readTimestamp(await fetched(scene, 'timestamp.json'))
  const snapshot = readSnapshot(await fetched(scene, `${timestamp.signed.snapshotMeta.version}.snapshot.json`))
  const version = snapshot.signed.meta['targets.json']?.version ?? 0
  const targets = readTargets(await fetched(scene, `${version}.targets.json`))
  const specVersion = targets.signed.specVersion
  const expires = expiryAfter(systemClock.now(), 7)
  const served = new Map<string, Uint8Array>()

  const describe = (version: number, bytes: Uint8Array) =>
    new MetaFile({ version, length: bytes.length, hashes: { sha256: sha256(bytes) } })
  let named = describe(
    version - (forged.older ?? 0),
    await fetched(scene, `${version - (forged.older ?? 0)}.targets.json`),
  )
  if (forged.targets !== undefined) {
    const files: Record<string, TargetFile> = { ...targets.signed.targets }
    const policy = forged.policy && { 'verification_policy.json': Buffer.from(JSON.stringify(forged.policy)) }
    for (const [name, bytes] of Object.entries<Uint8Array>({ ...forged.files, ...policy })) {
      files[name] = new TargetFile({ path: name, length: bytes.length, hashes: { sha256: sha256(bytes) } })
      const slash = name.lastIndexOf('/') + 1
      served.set(`targets/${name.slice(0, slash)}${sha256(bytes)}.${name.slice(slash)}`, bytes)
    }
    const next = new Targets({ version: version + 1, specVersion, expires, targets: files })
    const bytes = await signMetadata(next, [forged.targets])
    served.set(`${version + 1}.targets.json`, bytes)
    named = describe(version + 1, bytes)
  }
  if (forged.root !== undefined) {
    const { signed } = readRoot(await fetched(scene, '1.root.json'))
    const key = tufKey(forged.root)
    const role = { keyIDs: [key.keyID], threshold: 1 }
    const { roles } = signed
    const next = new Root({
      ...{ version: 2, specVersion, expires, consistentSnapshot: true, keys: { ...signed.keys, [key.keyID]: key } },
      roles: { ...roles, root: Object.assign(Object.create(Object.getPrototypeOf(roles.root)), role) },
    })
    served.set('2.root.json', await signMetadata(next, [forged.root]))
  }
  const snapshotVersion = snapshot.signed.version + 1
  const nextSnapshot = new Snapshot({ version: snapshotVersion, specVersion, expires, meta: { 'targets.json': named } })
  const snapshotBytes = await signMetadata(nextSnapshot, [snapshotKey])
  served.set(`${snapshotVersion}.snapshot.json`, snapshotBytes)
  const nextTimestamp = new Timestamp({
    ...{ version: timestamp.signed.version + 1, specVersion, expires },
    snapshotMeta: describe(snapshotVersion, snapshotBytes),
  })
  served.set('timestamp.json', await signMetadata(nextTimestamp, [timestampKey]))
  return (path) => (path.startsWith('/tuf/') ? served.get(path.slice('/tuf/'.length)) : undefined)
}

async function fetched({ instance }: Scene, name: string): Promise<Uint8Array> {
  const { status, bytes } = await callInstance(`${instance.publicHttpUrl}/tuf/${name}`)
  if (status !== 200) throw new Error(`${name} is not published`)
  return new Uint8Array(bytes)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
