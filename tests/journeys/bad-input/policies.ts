import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type BadInput, rowMaker } from './badInput.ts'
import { serverOutcome } from './commands.ts'
import type { Setting } from './setting.ts'

/** Policies that must not be taken, and what a sound one must not let through. */
export async function policyRows({ production, development, clients, folder }: Setting): Promise<BadInput[]> {
  const file = writePolicies(production.policy, folder)
  const release = path.join(folder, 'release-1.0.0')
  const devRelease = path.join(folder, 'made-by-development')
  writeFileSync(devRelease, development.artifact)
  writeFileSync(`${devRelease}.sigstore.json`, development.bundle)
  const machine = clients.make('both-for-policies', production.client)
  await machine.run('trust', 'add', development.ticket)

  const { hostname } = new URL(production.publicUrl)
  const { dataFolder } = production.instance
  const check = rowMaker('nothing', (policy: string) => machine.run('policy', 'check', policy))
  const verify = rowMaker('nothing', (policy: string) =>
    machine.run('verify', release, '--instance', hostname, '--policy', policy),
  )
  const verifyDevelopment = rowMaker('nothing', (policy: string) =>
    machine.run('verify', devRelease, '--instance', 'localhost', '--policy', policy),
  )
  const set = rowMaker('entry', (policy: string) => serverOutcome('policy', 'set', policy, '--data', dataFolder))
  return [
    {
      ...verifyDevelopment(
        'development bundle under a production policy',
        'decide.development-anchors decide.anchor-not-named decide.identity-not-trusted',
        1,
        file.sound,
      ),
      // News are heard by the policy that is asked about, and it names other logs than the instance of the bundle has.
      mayChange: /^clients\/both-for-policies\/.*\/feed\//,
    },
    check('policy, unknown field: check', 'policy.unknown-field', 1, file.unknownField),
    verify('policy, unknown field: verify', 'policy.unknown-field', 1, file.unknownField),
    set('policy, unknown field: set', 'policy.unknown-field', 1, file.unknownField),
    check('policy of a newer version: check', 'policy.version-newer', 2, file.newer),
    verify('policy of a newer version: verify', 'policy.version-newer', 2, file.newer),
    // No refusal: the policy is right and the program too old.
    { ...set('policy of a newer version: set', 'policy.version-newer', 2, file.newer), recorded: 'nothing' },
    check('policy with a period without unit', 'policy.invalid', 1, file.invalid),
    check('policy that ends in the middle', 'policy.invalid', 1, file.cut),
    check('production policy with development anchors', 'policy.development-anchors', 1, file.mixed),
    set('policy of the other environment: set', 'instance.policy-environment', 1, file.development),
  ]
}

function writePolicies(text: string, folder: string) {
  const sound = JSON.parse(text)
  const write = (name: string, policy: string) => {
    const file = path.join(folder, `policy-${name}.json`)
    writeFileSync(file, policy)
    return file
  }
  const changed = (name: string, changes: object) => write(name, JSON.stringify({ ...sound, ...changes }))
  return {
    sound: write('sound', text),
    cut: write('cut', text.slice(0, 100)),
    unknownField: changed('unknown-field', { comment: 'trust me' }),
    newer: changed('newer', { v: 2 }),
    invalid: changed('invalid', { maxOffline: '30' }),
    mixed: changed('mixed', { anchors: [{ ...sound.anchors[0], environment: 'development' }] }),
    development: changed('development', { environment: 'development' }),
  }
}
