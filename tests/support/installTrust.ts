import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { countersign } from './programs.ts'
import { mustRun } from './runProgram.ts'
import type { Instance } from './startInstance.ts'

/** What one person's machine has to trust an instance, and to hand to other people's programs. */
export interface InstalledTrust {
  readonly anchors: Anchors
  /** Environment for `countersign`: its settings are in the test's folder, not in this user's home. */
  readonly env: Readonly<Record<string, string>>
  /** PEM of the device root, for TLS. */
  readonly ca: string
  readonly files: {
    readonly deviceRoot: string
    readonly trustedRoot: string
    readonly signingConfig: string
    /** Both of the above in one file, as sigstore-python wants it. */
    readonly trustConfig: string
  }
}

/** Trusts an instance by ticket, as `countersign trust add` does it, with settings below `folder`. */
export async function installTrust(instance: Instance, folder: string): Promise<InstalledTrust> {
  const home = path.join(folder, 'home')
  mkdirSync(home, { recursive: true })
  const env = { HOME: home, XDG_CONFIG_HOME: path.join(home, '.config'), APPDATA: home }
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  await mustRun([...countersign, 'trust', 'add', ticket], { env })
  const anchors = await openAnchors(undefined, path.join(home, '.config', 'countersign'))
  const text = (name: Parameters<Anchors['target']>[0]) => Buffer.from(anchors.target(name)).toString('utf8')
  const files = {
    deviceRoot: path.join(folder, 'device_root.pem'),
    trustedRoot: path.join(folder, 'trusted_root.json'),
    signingConfig: path.join(folder, 'signing_config.v0.2.json'),
    trustConfig: path.join(folder, 'trust_config.json'),
  }
  writeFileSync(files.deviceRoot, text('device_root.pem'))
  writeFileSync(files.trustedRoot, text('trusted_root.json'))
  writeFileSync(files.signingConfig, text('signing_config.v0.2.json'))
  const trustConfig = {
    mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
    trustedRoot: JSON.parse(text('trusted_root.json')),
    signingConfig: JSON.parse(text('signing_config.v0.2.json')),
  }
  writeFileSync(files.trustConfig, JSON.stringify(trustConfig))
  return { anchors, env, ca: text('device_root.pem'), files }
}
