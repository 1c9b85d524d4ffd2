import { createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import type { CallTarget } from '@countersign/local/calls/call.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { readKeyFile } from '@countersign/platform/config/secretFiles.ts'
import { keyFileSchema, unsealKey } from '@countersign/platform/keystore/keyFile.ts'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { wrappingKeys } from '@countersign/platform/keystore/wrappingKeys.ts'
import { type Authority, openAuthority } from 'countersign-validator/certify/authority.ts'
import { readClientIdentity } from 'countersign-validator/compose/clientIdentity.ts'
import { enrolValidator } from 'countersign-validator/compose/enrolValidator.ts'
import type { Scene } from './scene.ts'

/** What the thief of a validator's folder and wrapping key has. */
export interface StolenValidator {
  readonly name: string
  /** URI that its certificates name. */
  readonly subject: string
  /** The instance, called as this validator. */
  readonly target: CallTarget
  readonly authority: Authority
  /** The key of its automatic revocations. */
  readonly revoker: SigningKey
}

type StolenFrom = Pick<Scene, 'dataFolder'>

/** The online keys of the instance, as whoever has its data folder and key file opens them. */
export async function stolenKeys({ dataFolder }: StolenFrom): Promise<KeyStore> {
  return softwareKeyStore({
    folder: path.join(dataFolder, 'keys', 'online'),
    wrap: await instanceWrap(dataFolder),
    clock: systemClock,
  })
}

/** One online key, to sign with whatever no program of ours would sign. */
export async function stolenKey({ dataFolder }: StolenFrom, name: string): Promise<KeyObject> {
  const file = path.join(dataFolder, 'keys', 'online', `${name}.json`)
  const sealed = keyFileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const der = await unsealKey(sealed, wrappingKeys(await instanceWrap(dataFolder)))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

/** The embedded validator's keys: its wrapping key is derived from the instance's. */
export async function stolenValidator(scene: Scene): Promise<StolenValidator> {
  const { key } = await instanceWrap(scene.dataFolder)
  const derived = hkdfSync('sha256', key, new Uint8Array(), 'countersign embedded validator v1', 32)
  return validatorIn(scene, 'embedded', scene.validatorFolder, new Uint8Array(derived))
}

/** Another validator, let in by the operator and never run: its owner certifies by hand. Its key has been named to the instance. */
export async function secondValidator(scene: Scene, name: string): Promise<StolenValidator> {
  const { ticket } = await scene.instance.admin<{ ticket: string }>('validators', 'add', name)
  const folder = path.join(scene.folder, name)
  const wrappingKey = new Uint8Array(32).fill(7)
  const wrap = { kind: 'key', key: wrappingKey } as const
  await enrolValidator({ folder, config: path.join(folder, 'trust'), wrap, clock: systemClock, ticket })
  await softwareKeyStore({ folder: path.join(folder, 'keys'), wrap, clock: systemClock }).create(
    'revoker',
    'ecdsa-p256',
  )
  const validator = await validatorIn(scene, name, folder, wrappingKey)
  await validator.authority.putRevokerKey(validator.revoker.spki)
  return validator
}

async function validatorIn(
  scene: Scene,
  name: string,
  folder: string,
  wrappingKey: Uint8Array,
): Promise<StolenValidator> {
  const wrap = { kind: 'key', key: wrappingKey } as const
  const client = await readClientIdentity({ folder, wrap, clock: systemClock })
  if (client === undefined) throw new Error(`${folder} holds no client certificate`)
  const anchors = await scene.anchors()
  const target: CallTarget = { url: anchors.url, trust: { ...tlsTrust(anchors), client } }
  return {
    name,
    subject: `${anchors.url}/validators/${name}`,
    target,
    authority: openAuthority({ clock: systemClock, anchors: () => anchors, target: () => target }),
    revoker: await softwareKeyStore({ folder: path.join(folder, 'keys'), wrap, clock: systemClock }).open('revoker'),
  }
}

/** What the online keys of an instance are encrypted under. */
export async function instanceWrap(dataFolder: string) {
  return { kind: 'key', key: await readKeyFile(`${dataFolder}.key`) } as const
}
