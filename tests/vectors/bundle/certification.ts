import { hash } from 'node:crypto'
import {
  type CertificationClaims,
  writeCertificationStatement,
} from '@countersign/protocol/statement/certificationStatement.ts'
import { type FindingsClaims, writeFindingsStatement } from '@countersign/protocol/statement/findingsStatement.ts'
import { type SbomClaims, writeSbomStatement } from '@countersign/protocol/statement/sbomStatement.ts'
import {
  makeTestIdentity,
  TEST_TIME,
  type TestAuthority,
  type TestIdentityParts,
  testDay,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { certificationExtension } from '@countersign/protocol/x509/certification.ts'
import type { Extension } from '@countersign/protocol/x509/extensions.ts'
import {
  type SigningChanges,
  signTestArtifact,
  signTestStatement,
  TEST_ARTIFACT,
  type TestInstance,
} from './fixture.ts'

/** Everything about a certification that a test may want otherwise. Undefined parts are those of a sound one. */
export interface CertificationChanges {
  readonly artifact?: Uint8Array
  readonly number?: bigint
  /** Name of the validator. */
  readonly validator?: string
  readonly notAfter?: Date
  /** The certification extension; null: none. */
  readonly mark?: Extension | null
  readonly certificate?: TestIdentityParts
  /** Issues the certificate, instead of the instance's certification authority. */
  readonly issuer?: TestAuthority
  readonly claims?: Partial<CertificationClaims>
  /** Changes the bytes that are signed as the certification. */
  readonly payload?: (sound: Uint8Array) => Uint8Array
  readonly signing?: SigningChanges
}

/** Texts of Sigstore bundles, and what they say. */
export interface TestCertification {
  readonly signature: string
  readonly certification: string
  readonly sbom: string
  readonly findings: string
  readonly claims: CertificationClaims
  /** Certificate and key that signed the three statements. */
  readonly signer: TestAuthority
}

const sha256Of = (bytes: Uint8Array | string) => hash('sha256', bytes, 'hex')

/** Where the validators of an instance are: their issuer, and the address of their authority. */
export function validatorsOf({ host }: TestInstance): string {
  return `https://${host}/validators`
}

/** A certificate of one certification with its key, as the certification authority of the instance issues it. */
export function makeTestCertificationSigner(instance: TestInstance, changes: CertificationChanges = {}): TestAuthority {
  const { artifact = TEST_ARTIFACT, number = 7n, validator = 'embedded', notAfter = testDay(90) } = changes
  const digests = [new Uint8Array(hash('sha256', artifact, 'buffer'))]
  const mark = changes.mark === undefined ? certificationExtension({ number, digests }) : changes.mark
  const issuer = validatorsOf(instance)
  return makeTestIdentity(changes.issuer ?? instance.certifications, instance.certificateLog, {
    name: { type: 'uri', value: `${issuer}/${validator}` },
    claims: { issuer, runnerEnvironment: 'same-operator' },
    notAfter,
    // The poison or the promise stays last.
    extensions: (sound) => [...sound.slice(0, -1), ...(mark === null ? [] : [mark]), ...sound.slice(-1)],
    ...changes.certificate,
  })
}

/** Signs, inspects and certifies an artifact as developer and validator would: three statements under one key. */
export function certifyTestArtifact(instance: TestInstance, changes: CertificationChanges = {}): TestCertification {
  const { artifact = TEST_ARTIFACT } = changes
  const signature = signTestArtifact(instance, { artifact })
  const target = { sha256: sha256Of(artifact), name: 'files-1.1.0.tar.gz' }
  const signer = makeTestCertificationSigner(instance, changes)
  const sbom = writeSbomStatement(testSbom(target))
  const findings = writeFindingsStatement(testFindings(target))
  const claims: CertificationClaims = {
    ...testClaims(instance, target, changes.validator),
    signature: sha256Of(signature),
    sbom: sha256Of(sbom),
    findings: sha256Of(findings),
    ...changes.claims,
  }
  const written = writeCertificationStatement(claims)
  const sign = (payload: Uint8Array) => signTestStatement(instance, { signer, payload, ...changes.signing })
  return {
    signature,
    certification: sign(changes.payload?.(written) ?? written),
    sbom: sign(sbom),
    findings: sign(findings),
    claims,
    signer,
  }
}

type Target = Pick<CertificationClaims, 'sha256' | 'name'>

/** Advisory data of the fixtures. */
export const TEST_ADVISORIES: CertificationClaims['advisories'] = {
  asOf: '2026-11-20T06:00:00Z',
  records: 5,
  sample: true,
  state: 3,
}

const scanner = { name: 'countersign-inspector', version: '0.1.0' }

function testClaims(instance: TestInstance, target: Target, validator = 'embedded'): CertificationClaims {
  return {
    ...target,
    product: 'files',
    version: '1.1.0',
    validator: `${validatorsOf(instance)}/${validator}`,
    verifiedAt: TEST_TIME,
    policy: { uri: `${validatorsOf(instance)}/${validator}/policy`, sha256: sha256Of('policy') },
    signature: sha256Of('signature'),
    sbom: sha256Of('sbom'),
    findings: sha256Of('findings'),
    advisories: TEST_ADVISORIES,
    components: 1,
    accepted: { findings: [], gaps: [] },
    scanner,
  }
}

function testSbom(target: Target): SbomClaims {
  const component = {
    type: 'library',
    name: 'follow-redirects',
    version: '1.15.3',
    purl: 'pkg:npm/follow-redirects@1.15.3',
  }
  return { ...target, bom: { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [component] } }
}

function testFindings(target: Target): FindingsClaims {
  return {
    ...target,
    scanner,
    advisories: TEST_ADVISORIES,
    startedAt: new Date(TEST_TIME.getTime() - 2000),
    finishedAt: new Date(TEST_TIME.getTime() - 1000),
    findings: [],
  }
}

const P256_ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

/** The other signature (r, n - s) that verifies for the same key and message. P-256, DER. */
export function malleate(signature: Uint8Array): Uint8Array {
  const rEnd = 4 + (signature[3] as number)
  const s = BigInt(`0x${signature.subarray(rEnd + 2).toHex()}`)
  const hex = (P256_ORDER - s).toString(16).padStart(64, '0')
  const unsigned = Uint8Array.fromHex(hex)
  const start = unsigned.findIndex((byte) => byte !== 0)
  const digits = unsigned.subarray(start)
  const content = (digits[0] as number) >= 0x80 ? Uint8Array.of(0, ...digits) : digits
  const r = signature.subarray(2, rEnd)
  return Uint8Array.of(0x30, r.length + 2 + content.length, ...r, 0x02, content.length, ...content)
}
