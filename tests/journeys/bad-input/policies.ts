import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { BadInput } from './badInput.ts'
import { serverOutcome } from './commands.ts'
import type { Setting } from './setting.ts'

const EVERYWHERE = 'a policy file is read by the same rules wherever it is put in'

/** Policies that must not be taken, and what a sound one must not let through. */
export async function policyRows(setting: Setting): Promise<BadInput[]> {
  const { production, development, clients, folder } = setting
  const sound = JSON.parse(production.policy)
  const write = (name: string, policy: unknown) => {
    const file = path.join(folder, `${name}.json`)
    writeFileSync(file, typeof policy === 'string' ? policy : JSON.stringify(policy))
    return file
  }
  const [rootSha256] = sound.anchors.map((anchor: { rootSha256: string }) => anchor.rootSha256)
  const files = {
    production: write('policy-production', sound),
    unknownField: write('policy-unknown-field', { ...sound, comment: 'trust me' }),
    newer: write('policy-newer', { ...sound, v: 2 }),
    invalid: write('policy-invalid', { ...sound, maxOffline: '30' }),
    mixed: write('policy-mixed', { ...sound, anchors: [{ rootSha256, environment: 'development' }] }),
    cut: write('policy-cut', production.policy.slice(0, 100)),
    development: write('policy-development', { ...sound, environment: 'development' }),
  }
  const devFile = path.join(folder, 'made-by-development')
  writeFileSync(devFile, development.artifact)
  writeFileSync(`${devFile}.sigstore.json`, development.bundle)
  const release = path.join(folder, 'release-1.0.0')
  const machine = clients.make('both-for-policies', production.client)
  await machine.run('trust', 'add', development.ticket)
  const at = ['--instance', new URL(production.publicUrl).hostname]

  const row = (input: string, expectedCode: string, expectedExit: number, ...command: string[]): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'nothing' },
    run: () => machine.run(...command),
  })
  const set = (input: string, expectedCode: string, expectedExit: number, file: string): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'entry' },
    run: () => serverOutcome('policy', 'set', file, '--data', production.instance.dataFolder),
  })
  const shared = (one: BadInput): BadInput => ({ ...one, sharesCodeBecause: EVERYWHERE })
  return [
    row(
      'development bundle under a production policy',
      'decide.development-anchors decide.anchor-not-named decide.identity-not-trusted',
      1,
      ...['verify', devFile, '--instance', 'localhost', '--policy', files.production],
    ),
    shared(
      row('policy with an unknown field: check', 'policy.unknown-field', 1, 'policy', 'check', files.unknownField),
    ),
    shared(
      row(
        'policy with an unknown field: verify',
        'policy.unknown-field',
        1,
        'verify',
        release,
        ...at,
        '--policy',
        files.unknownField,
      ),
    ),
    shared(set('policy with an unknown field: set', 'policy.unknown-field', 1, files.unknownField)),
    shared(row('policy of a newer version: check', 'policy.version-newer', 2, 'policy', 'check', files.newer)),
    shared(
      row(
        'policy of a newer version: verify',
        'policy.version-newer',
        2,
        'verify',
        release,
        ...at,
        '--policy',
        files.newer,
      ),
    ),
    // A newer policy is no refusal: the caller is right and the program too old.
    { ...shared(set('policy of a newer version: set', 'policy.version-newer', 2, files.newer)), recorded: 'nothing' },
    row('policy with a period without unit', 'policy.invalid', 1, 'policy', 'check', files.invalid),
    row('production policy with development anchors', 'policy.development-anchors', 1, 'policy', 'check', files.mixed),
    row('policy that ends in the middle', 'json.syntax', 1, 'policy', 'check', files.cut),
    set('policy of the other environment: set', 'instance.policy-environment', 1, files.development),
  ]
}
