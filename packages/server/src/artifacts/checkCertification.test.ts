import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { makeTestCertificationSigner, malleate } from '../../../../tests/vectors/bundle/certification.ts'
import { signTestArtifact } from '../../../../tests/vectors/bundle/fixture.ts'
import {
  type ArtifactsFixture,
  type CertifyChanges,
  certify,
  giveNumber,
  hexSha256,
  openArtifactsFixture,
  type SignedText,
  submitText,
} from './artifactsFixture.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { type CertificationBundles, checkCertification } from './checkCertification.ts'
import type { StoredSubmission } from './submissionStore.ts'

let fixture: ArtifactsFixture
let stored: StoredSubmission
let signed: SignedText
/** Numbers are given out once. */
let last = 100n

before(async () => {
  fixture = await openArtifactsFixture()
  const { submission, ...rest } = await submitText(fixture, 'files 1.1.0')
  signed = rest
  stored = await rowOf(submission.id)
})
after(() => fixture.close())

function rowOf(id: string): Promise<StoredSubmission> {
  const tables = fixture.deps.database.tables<ArtifactsTables>()
  return tables.selectFrom('artifacts_submissions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/** A certification under a number that was given out for it. */
async function numbered(changes: CertifyChanges = {}): Promise<CertificationBundles> {
  const bundles = certify(fixture, signed, { number: ++last, ...changes })
  await giveNumber(fixture, signed, bundles)
  return bundles
}

function check(bundles: CertificationBundles, submission = stored) {
  return checkCertification(fixture.deps, submission, bundles)
}

const wrong = { code: 'artifacts.certification-wrong' }

test('a certification that verifies is stored with its three bundles under their digests', async () => {
  const bundles = await numbered()
  const row = await check(bundles)
  assert.deepEqual(row, {
    authority: fixture.instance.certifications.certificate.keyId,
    number: Number(last),
    sha256: signed.sha256,
    product: 'files',
    version: '1.1.0',
    validator: 'embedded',
    not_after_ms: row.not_after_ms,
    signature_sha256: hexSha256(signed.signature),
    certification_sha256: hexSha256(bundles.certification),
    sbom_sha256: hexSha256(bundles.sbom),
    findings_sha256: hexSha256(bundles.findings),
    stored_ms: fixture.clock.now().getTime(),
  })
  assert.equal(row.not_after_ms, fixture.clock.now().getTime() + 90 * 86_400_000)
  const { store } = fixture.deps
  assert.deepEqual(
    await Promise.all([row.certification_sha256, row.sbom_sha256, row.findings_sha256].map(store.readBundle)),
    [bundles.certification, bundles.sbom, bundles.findings],
  )
})

test('artifacts.certification-wrong: of other bytes, by the authority of identities, or about another signature', async () => {
  const other = { ...signed, artifact: new TextEncoder().encode('files 1.2.0') }
  await assert.rejects(check(certify(fixture, other)), wrong)
  await assert.rejects(check(certify(fixture, signed, { issuer: fixture.instance.identities })), wrong)
  await assert.rejects(check({ ...(await numbered()), certification: signed.signature }), wrong)
  const again = signTestArtifact(fixture.instance, { artifact: signed.artifact })
  await assert.rejects(check(await numbered({ claims: { signature: hexSha256(again) } })), /another signature/)
})

test('artifacts.certification-wrong: another product or version than the submitter named; unnamed ones are the artifact’s', async () => {
  const bundles = await numbered()
  for (const named of [{ product: 'other' }, { version: '1.1.1' }, { product: 'files', version: '1.1' }]) {
    await assert.rejects(check(bundles, { ...stored, ...named }), wrong)
  }
  assert.equal((await check(bundles, { ...stored, product: 'files', version: '1.1.0' })).product, 'files')
})

test('artifacts.number-unknown: nobody got it, or another artifact, key or validator did', async () => {
  const unknown = { code: 'artifacts.number-unknown' }
  await assert.rejects(check(certify(fixture, signed, { number: ++last })), unknown)
  const bundles = await numbered()
  await assert.rejects(check(certify(fixture, signed, { number: last })), unknown)
  const elsewhere = certify(fixture, signed, { number: ++last })
  await giveNumber(fixture, { ...signed, sha256: signed.sha256 }, elsewhere, { validator: 'lab' })
  await assert.rejects(check(elsewhere), unknown)
  await fixture.deps.database.transaction<ArtifactsTables, void>('test', async (trx) => {
    const rename = trx.updateTable('trust_certifications').set({ sha256: '5a'.repeat(32) })
    await rename.where('number', '=', Number(last) - 1).execute()
  })
  await assert.rejects(check(bundles), unknown)
})

test('artifacts.certification-wrong: by another validator, whose number it is', async () => {
  const lab = certify(fixture, signed, { number: ++last, validator: 'lab' })
  await giveNumber(fixture, signed, lab, { validator: 'lab' })
  await assert.rejects(check(lab), /another validator/)
  assert.equal((await check(lab, { ...stored, validator: 'lab' })).validator, 'lab')
})

test('artifacts.certification-wrong: SBOM and findings by another key, of another kind, or others than are named', async () => {
  const [sound, other] = [await numbered(), await numbered()]
  await assert.rejects(check({ ...sound, sbom: other.sbom }), /another key/)
  await assert.rejects(check({ ...sound, findings: other.findings }), /another key/)
  await assert.rejects(check({ ...sound, sbom: sound.findings }), /is no/)
  await assert.rejects(check({ ...sound, findings: sound.sbom }), wrong)
  await assert.rejects(check({ ...sound, sbom: signed.signature }), wrong)
  await assert.rejects(check(await numbered({ claims: { sbom: hexSha256('other') } })), /another .* is named/)
  await assert.rejects(check(await numbered({ claims: { findings: hexSha256('other') } })), /another .* is named/)
})

test('artifacts.certification-wrong: SBOM and findings by the key, but under another certificate for it', async () => {
  const number = ++last
  const signer = makeTestCertificationSigner(fixture.instance, { artifact: signed.artifact, number })
  const certificate = { key: signer.key }
  const twin = makeTestCertificationSigner(fixture.instance, { artifact: signed.artifact, number, certificate })
  const sound = certify(fixture, signed, { number, signing: { signer } })
  await giveNumber(fixture, signed, sound)
  await check(sound)
  const forged = certify(fixture, signed, { number, signing: { signer: twin } })
  await assert.rejects(check({ ...sound, sbom: forged.sbom }), /another key/)
})

test('bundle.*: what is no bundle is refused wherever it stands, and no part of it is stored', async () => {
  const sound = await numbered()
  for (const name of ['certification', 'sbom', 'findings'] as const) {
    await assert.rejects(check({ ...sound, [name]: '{"mediaType":1}' }), { code: /^bundle\./ })
  }
  assert.equal(await fixture.deps.store.readBundle(hexSha256(sound.sbom)), undefined)
})

test('the same certification with its signature turned to (r, n - s) is the same number again', async () => {
  const number = ++last
  const signer = makeTestCertificationSigner(fixture.instance, { artifact: signed.artifact, number })
  const sound = certify(fixture, signed, { number, signing: { signer } })
  await giveNumber(fixture, signed, sound)
  const turned = certify(fixture, signed, { number, signing: { signer, signature: malleate } })
  assert.deepEqual([(await check(sound)).number, (await check(turned)).number], [Number(number), Number(number)])
})
