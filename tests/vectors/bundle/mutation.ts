import type { TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { testDay } from '@countersign/protocol/x509/authorityFixture.ts'
import { createTestInstance, type SigningChanges, signTestArtifact, type TestInstance } from './fixture.ts'

/** The instance that is trusted, and another one of the same shape that is not. */
export const instance = createTestInstance()
export const stranger = createTestInstance()

/** One change to a sound signature, and what must come of it. */
export interface Mutation {
  readonly what: string
  readonly bundle: () => string
  readonly artifact?: Uint8Array
  readonly digest?: Uint8Array
  readonly root?: TrustedRoot
  /** Every check that fails, with its code. */
  readonly failed: Readonly<Record<string, string>>
  readonly notChecked?: readonly string[]
  /** Why @sigstore/verify accepts it; absent where it must refuse. */
  readonly foreignAccepts?: string
}

// biome-ignore lint/suspicious/noExplicitAny: a test takes a bundle apart.
export type Json = any

/** Changes the JSON of a sound bundle. */
export function edited(change: (bundle: Json) => void, sound = () => signTestArtifact(instance)): () => string {
  return () => {
    const bundle = JSON.parse(sound())
    change(bundle)
    return JSON.stringify(bundle)
  }
}

/** The same bundle as @sigstore/sign 5 writes it: v0.2 with a chain. `certificates` are in base64, `own` is the signer's. */
export function asV02(bundle: string, certificates: (own: string) => readonly string[]): string {
  const { verificationMaterial, ...others } = JSON.parse(bundle)
  const { certificate, ...material } = verificationMaterial
  const chain = { certificates: certificates(certificate.rawBytes).map((rawBytes) => ({ rawBytes })) }
  const mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2'
  return JSON.stringify({ ...others, mediaType, verificationMaterial: { ...material, x509CertificateChain: chain } })
}

/** The issuing certificate of an instance in base64. */
export const issuerOf = ({ identities }: TestInstance) => Buffer.from(identities.certificate.raw).toString('base64')

/** Signs with one thing done differently. */
export const signed = (changes: SigningChanges) => () => signTestArtifact(instance, changes)

/** `base64` with one bit of the byte at `at` changed; negative counts from the end. */
export function flipped(base64: string, at: number): string {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'))
  return Buffer.from(bytes.with(at, (bytes.at(at) as number) ^ 1)).toString('base64')
}

export const entryOf = (bundle: Json) => bundle.verificationMaterial.tlogEntries[0]
export const proofOf = (bundle: Json) => entryOf(bundle).inclusionProof
export const outdated = { validFrom: testDay(-9), validUntil: testDay(-8) }
export const otherArtifact: Uint8Array = new TextEncoder().encode('another artifact\n')
/** The chain is verified at the time of the timestamps, so without one it is not verified at all. */
export const noTime = ['certificate chain']
