import path from 'node:path'
import { type PackedRelease, packReplayRelease } from '../journeys/demo/product.ts'
import type { InstalledTrust } from '../support/installTrust.ts'
import { countersign, countersignValidator } from '../support/programs.ts'
import { mustRun } from '../support/runProgram.ts'
import type { Instance } from '../support/startInstance.ts'

/** What the three bundles of a certification are called beside the artifact. */
export const certificationBundles = ['certification', 'sbom', 'findings'] as const

/** One of the three. */
export type CertificationBundle = (typeof certificationBundles)[number]

/** A release that the instance's own validator certified. */
export interface CertifiedProduct extends PackedRelease {
  /** Certification number, decimal. */
  readonly number: string
  bundle(name: CertificationBundle): string
}

const advisories = path.join(import.meta.dirname, '..', 'journeys', 'demo', 'advisories')

/** Imports a folder of the demo's advisories. Resolves with the certifications that it ends, once they have. */
export async function importAdvisories({ dataFolder }: Instance, folder: string): Promise<readonly string[]> {
  const source = path.join(advisories, folder)
  const command = ['advisories', 'import', source, '--data', path.join(dataFolder, 'validator'), '--json']
  const { stdout } = await mustRun([...countersignValidator, ...command])
  return (JSON.parse(stdout) as { ended: string[] }).ended
}

/** Packs a version of the demo's product, signs and submits it, and waits until it is certified. */
export async function certifyRelease(
  trust: InstalledTrust,
  version: string,
  folder: string,
): Promise<CertifiedProduct> {
  const { env } = trust
  const packed = await packReplayRelease(version, folder)
  await mustRun([...countersign, 'sign', '--yes', packed.archive], { env })
  const { stdout } = await mustRun([...countersign, 'submit', '--wait', '--json', packed.archive], { env })
  const [submitted] = (JSON.parse(stdout) as { submissions: { certification: { number: string } }[] }).submissions
  if (submitted === undefined) throw new Error(`nothing was submitted: ${stdout}`)
  const { number } = submitted.certification
  return { ...packed, number, bundle: (name) => `${packed.archive}.${name}.sigstore.json` }
}
