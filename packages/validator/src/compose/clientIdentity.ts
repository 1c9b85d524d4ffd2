import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { enrol, renew } from '@countersign/local/calls/est.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { keyFileSchema, sealKey, unsealKey } from '@countersign/platform/keystore/keyFile.ts'
import { type Wrap, wrappingKeys } from '@countersign/platform/keystore/wrappingKeys.ts'
import { z } from 'zod'
import { composeError } from './errors.ts'

/** A client certificate with its key, as TLS takes them. In memory only. */
export interface ClientCredentials {
  readonly certificatePem: string
  readonly privateKeyPem: string
  readonly notAfter: Date
}

/** Where the client key lies and what opens it. */
export interface ClientIdentityDeps {
  readonly folder: string
  readonly wrap: Wrap
  readonly clock: Clock
}

const identityFile = z.strictObject({
  v: z.literal(1),
  key: keyFileSchema,
  /** Absent until the instance has answered. */
  certificatePem: z.string().max(65_536).optional(),
  notAfter: z.iso.datetime().optional(),
})
type IdentityFile = z.infer<typeof identityFile>

const CURRENT = 'client.json'
/** A key that is made and has no certificate yet: enrolling again with it gives the same certificate. */
const NEXT = 'client-next.json'
const MAX_FILE_BYTES = 128 * 1024

/** The client certificate in use; undefined before enrolment. Throws `validator.identity-damaged`, `keystore.wrong-key`. */
export async function readClientIdentity(deps: ClientIdentityDeps): Promise<ClientCredentials | undefined> {
  const file = await readFile(deps, CURRENT)
  if (file?.certificatePem === undefined || file.notAfter === undefined) return undefined
  const privateKey = await openKey(deps, file)
  return credentials(privateKey, file.certificatePem, new Date(file.notAfter))
}

/**
 * Enrols by EST with a ticket's one-time secret and keeps what came of it. The key is durable before the secret is sent,
 * so that a crash in between does not use the ticket up. Throws `calls.*`, `x509.*` and the instance's refusals.
 */
export async function enrolClient(
  deps: ClientIdentityDeps,
  request: { readonly url: string; readonly deviceRootPem: string; readonly name: string; readonly secret: string },
): Promise<ClientCredentials> {
  const privateKey = await enrolmentKey(deps)
  const { certificatePem, notAfter } = await enrol({ ...request, privateKey, clock: deps.clock })
  return keepCredentials(deps, privateKey, certificatePem, notAfter)
}

/** Renews the client certificate with a new key, under the current one. Throws as `enrolClient`. */
export async function renewClient(
  deps: ClientIdentityDeps,
  request: {
    readonly url: string
    readonly deviceRootPem: string
    readonly name: string
    readonly current: ClientCredentials
  },
): Promise<ClientCredentials> {
  const privateKey = await renewalKey(deps)
  const { certificatePem, notAfter } = await renew({ ...request, privateKey, clock: deps.clock })
  return keepCredentials(deps, privateKey, certificatePem, notAfter)
}

/**
 * The key that enrolling uses, also where its certificate was kept already: a crash before the enrolment was complete repeats
 * it, and a ticket that was used is good for the same key only. Durable when this resolves.
 */
export async function enrolmentKey(deps: ClientIdentityDeps): Promise<KeyObject> {
  const waiting = await readFile(deps, NEXT)
  return waiting === undefined ? makeKey(deps) : openKey(deps, waiting)
}

/** The key that the next renewal uses: the one that waits, unless its certificate is in use. Durable when this resolves. */
export async function renewalKey(deps: ClientIdentityDeps): Promise<KeyObject> {
  const waiting = await readFile(deps, NEXT)
  const inUse = await readFile(deps, CURRENT)
  // A crash between keeping a certificate and making the next key leaves the used key here.
  if (waiting !== undefined && waiting.key.keyId !== inUse?.key.keyId) return openKey(deps, waiting)
  return makeKey(deps)
}

async function makeKey(deps: ClientIdentityDeps): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const bytes = writeFile({ v: 1, key: await seal(deps, privateKey) })
  await replaceFile(join(deps.folder, NEXT), bytes, { point: 'validator.client-key', mode: 0o600 })
  return privateKey
}

/** Puts a key with its certificate in use. Durable when this resolves. */
export async function keepCredentials(
  deps: ClientIdentityDeps,
  privateKey: KeyObject,
  certificatePem: string,
  notAfter: Date,
): Promise<ClientCredentials> {
  const key = await seal(deps, privateKey)
  const bytes = writeFile({ v: 1, key, certificatePem, notAfter: notAfter.toISOString() })
  await replaceFile(join(deps.folder, CURRENT), bytes, { point: 'validator.client-certificate', mode: 0o600 })
  return credentials(privateKey, certificatePem, notAfter)
}

function credentials(privateKey: KeyObject, certificatePem: string, notAfter: Date): ClientCredentials {
  const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  return { certificatePem, privateKeyPem, notAfter }
}

async function seal({ wrap, clock }: ClientIdentityDeps, privateKey: KeyObject): Promise<IdentityFile['key']> {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const keyId = hash('sha256', spki, 'hex')
  const description = { name: 'client', algorithm: 'ecdsa-p256', keyId, createdAt: clock.now().toISOString() } as const
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  try {
    return await sealKey(description, der, wrappingKeys(wrap))
  } finally {
    der.fill(0)
  }
}

async function openKey({ wrap }: ClientIdentityDeps, file: IdentityFile): Promise<KeyObject> {
  const der = await unsealKey(file.key, wrappingKeys(wrap))
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

async function readFile({ folder }: ClientIdentityDeps, name: string): Promise<IdentityFile | undefined> {
  const path = join(folder, name)
  if (!existsSync(path)) return undefined
  try {
    const text = new TextDecoder().decode(await readBounded(path, MAX_FILE_BYTES))
    return identityFile.parse(JSON.parse(text))
  } catch {
    // Without the cause: it may quote the file.
    throw composeError('validator.identity-damaged', `${path} cannot be read`)
  }
}

function writeFile(file: IdentityFile): Uint8Array {
  return Buffer.from(`${JSON.stringify(file)}\n`)
}
