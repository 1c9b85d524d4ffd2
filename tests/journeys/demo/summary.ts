import path from 'node:path'
import type { CertifiedRelease } from './certifyRelease.ts'
import type { Replay } from './replay.ts'
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
    endedBy: replay.endedBy,
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

/** The end of the story: numbers, paths, and the commands with which anyone checks it. */
export function summaryOf(replay: Replay): string[] {
  const { releases, instance, timeToStopMs, trustFolder, endedBy } = replay
  const rows = Object.values(releases).map(
    ({ version, number, logIndex, components, sizeBytes, signMs, certifyMs }) =>
      `  files ${version}   certification ${number}, entry ${logIndex} of the artifact log   ${components} components, ` +
      `${sizeBytes} bytes   signed in ${signMs} ms, certified in ${certifyMs} ms`,
  )
  return [
    'Summary',
    ...rows,
    `  certification ${releases['1.1.0'].number} ended by record ${endedBy.record} of ${endedBy.origin}`,
    `  from the advisory to the process gone: ${timeToStopMs} ms`,
    '',
    'Files: signature, certification, its contents (CycloneDX), its findings, its certificate',
    ...Object.values(releases).flatMap(({ archive, certificate }) => [
      `  ${archive}`,
      `    ${['', 'certification.', 'sbom.', 'findings.'].map((kind) => `.${kind}sigstore.json`).join('  ')}  ${path.basename(certificate).slice(path.basename(archive).length)}`,
    ]),
    '',
    'Check it yourself, with --keep, while it runs; npm run demo:check does all of it and more',
    ...commands(releases['1.1.0'], instance.publicUrl, trustFolder),
  ]
}

function commands({ archive, certificate }: CertifiedRelease, publicUrl: string, trust: string): string[] {
  const certification = `${archive}.certification.sigstore.json`
  return [
    `  countersign verify ${archive}`,
    `  cosign verify-blob-attestation --bundle ${certification} --trusted-root ${path.join(trust, 'trusted_root.json')} \\`,
    `    --use-signed-timestamps --type https://slsa.dev/verification_summary/v1 \\`,
    `    --certificate-identity ${publicUrl}/validators/embedded --certificate-oidc-issuer ${publicUrl}/validators ${archive}`,
    `  openssl x509 -inform DER -in ${certificate} -noout -text            # number and digest stand in 1.2.840.113556.1.8000.2554…`,
    `  jq -r '.certificateAuthorities[-1].certChain.certificates[].rawBytes' ${path.join(trust, 'trusted_root.json')} | \\`,
    '    while read -r one; do echo "$one" | base64 -d | openssl x509 -inform DER; done > chain.pem',
    `  curl -s $(openssl x509 -inform DER -in ${certificate} -noout -ext crlDistributionPoints | sed -n 's/.*URI://p') | \\`,
    '    openssl crl -inform DER -out list.pem',
    `  openssl verify -partial_chain -CAfile chain.pem -crl_check -CRLfile list.pem ${certificate}      # certificate revoked`,
  ]
}
