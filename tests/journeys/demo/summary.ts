import path from 'node:path'
import type { CertifiedRelease, Replay } from './replay.ts'
import type { Step } from './story.ts'

/** What `npm run demo -- --json` ends with. */
export function resultOf(replay: Replay, steps: readonly Step[]): Record<string, unknown> {
  const second = replay.releases['1.1.0']
  return {
    signMs: second.signMs,
    certifyMs: second.certifyMs,
    components: second.components,
    gaps: second.gaps,
    advisories: replay.advisoryRecords,
    timeToStopMs: replay.timeToStopMs,
    endedNumbers: replay.endedNumbers,
    bystanderVerifies: replay.bystanderVerifies,
    bystanderPidUnchanged: replay.bystanderPidUnchanged,
    endedByUnrelatedAdvisory: replay.endedByUnrelatedAdvisory,
    wentBackTo: replay.wentBackTo,
    oldVersionVerifies: replay.oldVersionVerifies,
    newVersionVerifies: replay.newVersionVerifies,
    steps,
  }
}

/** The end of the story: numbers, and the commands with which anyone checks it. */
export function summaryOf(replay: Replay): string[] {
  const { releases, instance, timeToStopMs } = replay
  const rows = Object.values(releases).map(
    ({ version, number, components, sizeBytes, signMs, certifyMs }) =>
      `  files ${version}   certification ${number}   ${components} components, ${sizeBytes} bytes   ` +
      `signed in ${signMs} ms, certified in ${certifyMs} ms`,
  )
  return [
    'Summary',
    ...rows,
    `  from the advisory to the process gone: ${timeToStopMs} ms`,
    ...checkCommands(releases['1.2.0'], instance.publicUrl, replay.trustFolder),
  ]
}

function checkCommands({ archive }: CertifiedRelease, publicUrl: string, trust: string): string[] {
  const certification = `${archive}.certification.sigstore.json`
  const root = path.join(trust, 'trusted_root.json')
  return [
    'Check it yourself (with --keep, while it runs)',
    `  countersign verify ${archive}`,
    `  cosign verify-blob-attestation --bundle ${certification} --trusted-root ${root} --use-signed-timestamps \\`,
    `    --type https://slsa.dev/verification_summary/v1 --certificate-identity ${publicUrl}/validators/embedded \\`,
    `    --certificate-oidc-issuer ${publicUrl}/validators ${archive}`,
    `  jq -r .verificationMaterial.certificate.rawBytes ${certification} | base64 -d | openssl x509 -inform DER -text -noout`,
    '  npm run demo:check',
  ]
}
