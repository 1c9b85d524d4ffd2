import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Machine } from '../../support/machine.ts'
import type { PackedRelease } from './product.ts'
import type { Setting } from './setting.ts'
import type { Story } from './story.ts'

/** The file beside an artifact, as far as the summary looks into it. */
interface CertificationBundle {
  readonly verificationMaterial: {
    readonly certificate: { readonly rawBytes: string }
    readonly tlogEntries: readonly { readonly logIndex: string }[]
  }
}

/** A submission as `countersign submit --json` answers it. */
interface Submitted {
  readonly state: string
  readonly certification: { readonly number: string; readonly authority: string }
  readonly verdict: {
    readonly answer: string
    readonly components: number
    readonly gaps: readonly unknown[]
    readonly advisories: { readonly asOf: string; readonly records: number; readonly sample: boolean }
  }
}

/** What `countersign verify --json` answers, as far as the story looks at it. */
export interface Verified {
  readonly answer: 'yes' | 'no' | 'cannot tell'
  readonly reasons: readonly string[]
  readonly replacement?: { readonly product: string; readonly version: string }
  readonly certifications: readonly {
    readonly endings: readonly { readonly record: string; readonly origin: string }[]
  }[]
}

/** One version with what became of it. */
export interface CertifiedRelease extends PackedRelease {
  readonly number: string
  readonly authority: string
  readonly components: number
  readonly gaps: number
  readonly signMs: number
  readonly certifyMs: number
  /** Where the certification is in the artifact log. */
  readonly logIndex: string
  /** Its certificate (DER), taken out of the bundle for openssl. */
  readonly certificate: string
}

/** Packs, signs and submits one version, and asks for the answers before and after. */
export async function certifyRelease(
  { developer }: Setting,
  story: Story,
  pack: () => Promise<PackedRelease>,
  { isFirst }: { isFirst: boolean },
): Promise<CertifiedRelease> {
  const packed = await pack()
  const { archive, version } = packed
  story.chapter(`files ${version}`)
  const signMs = await story.step(
    'sign',
    `countersign sign ${path.basename(archive)} (${packed.sizeBytes} bytes)`,
    () => timed(() => developer.ask('sign', archive, '--yes')),
    () => [`${archive}.sigstore.json; sha256:${packed.sha256}`],
  )
  if (isFirst) await expectAnswer(developer, story, archive, 'no', 'not certified yet')
  let certifyMs = 0
  const { verdict, certification } = await story.step(
    'submit',
    'countersign submit --wait: signature, catalogue, verdict, decision, certification',
    async () => {
      const start = performance.now()
      const { answer } = await developer.ask<{ submissions: Submitted[] }>('submit', archive, '--wait')
      certifyMs = Math.round(performance.now() - start)
      const [submitted] = answer.submissions
      if (submitted?.state !== 'certified') throw new Error(JSON.stringify(answer, null, 2))
      return submitted
    },
    ({ verdict, certification: { number } }) => [
      `verdict ${verdict.answer}: ${verdict.components} components, ${verdict.gaps.length} gaps; advisory data as of ` +
        `${verdict.advisories.asOf}, ${verdict.advisories.sample ? 'sample, ' : ''}${verdict.advisories.records} records`,
      `certification number ${number}`,
    ],
  )
  await expectAnswer(developer, story, archive, 'yes', 'signed and certified')
  const bundle = JSON.parse(readFileSync(`${archive}.certification.sigstore.json`, 'utf8')) as CertificationBundle
  const { tlogEntries, certificate } = bundle.verificationMaterial
  const certificateFile = `${archive}.certification.cer`
  writeFileSync(certificateFile, Buffer.from(certificate.rawBytes, 'base64'))
  return {
    ...packed,
    ...certification,
    logIndex: tlogEntries[0]?.logIndex ?? '',
    certificate: certificateFile,
    components: verdict.components,
    gaps: verdict.gaps.length,
    signMs,
    certifyMs,
  }
}

/** `countersign verify` must give this answer. */
export async function expectAnswer(
  developer: Machine,
  story: Story,
  archive: string,
  expected: Verified['answer'],
  why: string,
): Promise<Verified> {
  const { answer } = await story.step(
    'verify',
    `countersign verify ${path.basename(archive)}: ${expected}, ${why}`,
    () => developer.ask<Verified>('verify', archive),
    ({ answer: { answer: said, reasons, replacement } }) => [
      ...reasons.map((reason) => `${said}, because ${reason}`),
      ...(replacement ? [`certified in its place: ${replacement.product} ${replacement.version}`] : []),
    ],
  )
  if (answer.answer !== expected) throw new Error(`verify said ${answer.answer}: ${answer.reasons.join('; ')}`)
  return answer
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return Math.round(performance.now() - start)
}
