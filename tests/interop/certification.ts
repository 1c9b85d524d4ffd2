import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import type { Instance } from '../support/startInstance.ts'
import { BundleTables } from './bundleTables.ts'
import {
  type CertificationBundle,
  type CertifiedProduct,
  certificationBundles,
  certifyRelease,
  importAdvisories,
} from './certifiedProduct.ts'
import { changeFile, changeSignature, changeStatement } from './changes.ts'
import { Matrix } from './matrix.ts'
import { certificateRows, expectOnLists, judgeCertificate, leafOf, opensslColumns } from './openssl.ts'
import { judgeRelease, tufColumns, tufRows } from './tuf.ts'
import { foreignVerifiers, type VerifierSetting } from './verifiers.ts'

/** Written out: what others ask for must not follow constants of ours. */
const predicateTypes: Readonly<Record<CertificationBundle, string>> = {
  certification: 'https://slsa.dev/verification_summary/v1',
  sbom: 'https://cyclonedx.org/bom',
  findings: 'https://in-toto.io/attestation/vulns/v0.2',
}

/** How long a revocation list may take to be published after the validator said what ended. */
const LIST_WAIT_MS = 20_000

/**
 * Certifies two versions of a product with the instance's own validator, then lets other people's programs judge the three
 * bundles, the release, and what the revocation lists say before and after an advisory ended one of the two.
 */
export async function judgeCertifications(
  setting: VerifierSetting,
  instance: Instance,
  folder: string,
): Promise<readonly Matrix[]> {
  console.log('  the validator certifies two versions of a product')
  await importAdvisories(instance, 'initial')
  const standing = await certifyRelease(setting.trust, '1.0.0', folder)
  const ending = await certifyRelease(setting.trust, '1.1.0', folder)
  const bundles = await judgeBundles(setting, ending)
  console.log('  tuf-js reads its release')
  const tuf = new Matrix('tuf-js', tufRows, tufColumns)
  await judgeRelease({ trust: setting.trust, folder, instance }, ending, tuf)
  console.log('  openssl reads the revocation lists before and after one of them ends')
  const lists = await judgeEnd(setting, instance, { standing, ending, folder })
  return [...bundles, tuf, ...lists]
}

async function judgeBundles(setting: VerifierSetting, product: CertifiedProduct): Promise<readonly Matrix[]> {
  const issuer = `${setting.trust.anchors.url}/validators`
  const verifiersOf = (name: CertificationBundle) =>
    foreignVerifiers(setting, { identity: `${issuer}/embedded`, issuer, predicateType: predicateTypes[name] })
  const name = path.basename(product.archive)
  const subject = { sound: `"name":"${name}"`, changed: `"name":"${name.replace(/^f/, 'g')}"` }
  const tables = new BundleTables({
    what: 'certification',
    isStatement: true,
    verifiers: verifiersOf('certification'),
    columns: certificationBundles,
    changes: [changeFile, changeSignature, changeStatement(subject)],
  })
  for (const bundle of certificationBundles) {
    for (const verifier of verifiersOf(bundle)) {
      console.log(`  ${verifier.name} verifies the ${bundle}`)
      await tables.judge(verifier, bundle, { file: product.archive, bundle: product.bundle(bundle) })
    }
  }
  return tables.matrices
}

interface Ending {
  readonly standing: CertifiedProduct
  readonly ending: CertifiedProduct
  readonly folder: string
}

async function judgeEnd(
  { trust }: VerifierSetting,
  instance: Instance,
  { standing, ending, folder }: Ending,
): Promise<readonly Matrix[]> {
  const setting = { trust, folder }
  const [stands, ends] = [standing, ending].map((one) => certificateOf(one)) as [Certificate, Certificate]
  const lists = new Matrix('openssl: certificates of certifications', ['stands', 'ended'], ['before', 'after'])
  await lists.fill('stands', 'before', () => expectOnLists(setting, stands, 'not revoked'))
  await lists.fill('ended', 'before', () => expectOnLists(setting, ends, 'not revoked'))
  const ended = await importAdvisories(instance, 'recall')
  await lists.fill('ended', 'after', async () => {
    if (ended.join() !== ending.number) throw new Error(`ended ${ended.join()} in place of ${ending.number}`)
    await patiently(() => expectOnLists(setting, ends, 'revoked'))
  })
  await lists.fill('stands', 'after', () => expectOnLists(setting, stands, 'not revoked'))
  const whole = new Matrix('openssl: the certificate of the certification that stands', certificateRows, opensslColumns)
  await judgeCertificate(setting, stands, whole)
  return [lists, whole]
}

function certificateOf(product: CertifiedProduct): Certificate {
  return leafOf(JSON.parse(readFileSync(product.bundle('certification'), 'utf8')))
}

/** Lists follow their records by an event. */
async function patiently(work: () => Promise<void>): Promise<void> {
  const until = performance.now() + LIST_WAIT_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (performance.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
