import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { callInstance } from '../support/callInstance.ts'
import type { InstalledTrust } from '../support/installTrust.ts'
import { type RunResult, runProgram } from '../support/runProgram.ts'
import { serveFlipped } from './flippedByte.ts'
import type { Judges } from './installJudges.ts'
import type { Matrix } from './matrix.ts'

/** One log of an instance, as a foreign checker has to be told about it. */
export interface LogUnderTest {
  readonly name: 'artifacts' | 'certificates' | 'revocations' | 'audit'
  readonly origin: string
  /** Where `checkpoint` and `tile/` are, without a final slash. */
  readonly url: string
  /** Of the certificate log its public key (base64 of DER), of the others the verifier key of their notes. */
  readonly key: string
}

/** What the checkers need. */
export interface FsckSetting {
  readonly judges: Judges
  readonly trust: InstalledTrust
  readonly folder: string
}

/** The questions about one log, as columns of the table. */
export const fsckColumns = ['rebuilt', 'flipped tile noticed', 'flipped entry noticed']

/** The four logs, as the distributed policy and trusted root describe them. */
export function logsOf(trust: InstalledTrust): LogUnderTest[] {
  const policy = readJson(trust, 'verification_policy.json') as PolicyJson
  const { ctlogs } = readJson(trust, 'trusted_root.json') as TrustedRootJson
  const [ct] = ctlogs
  const [certificates] = policy.logs.certificates
  if (ct === undefined || certificates === undefined) throw new Error('the anchors name no certificate log')
  const others = (['artifacts', 'revocations', 'audit'] as const).flatMap((name) =>
    policy.logs[name].map(({ origin, url, key }) => ({ name, origin, url, key: key.vkey })),
  )
  const { origin } = certificates
  return [...others, { name: 'certificates', origin, url: ct.baseUrl, key: ct.publicKey.rawBytes }]
}

interface PolicyJson {
  readonly logs: Record<LogUnderTest['name'], { origin: string; url: string; key: { vkey: string } }[]>
}

interface TrustedRootJson {
  readonly ctlogs: readonly { baseUrl: string; publicKey: { rawBytes: string } }[]
}

function readJson(trust: InstalledTrust, name: Parameters<InstalledTrust['anchors']['target']>[0]): unknown {
  return JSON.parse(Buffer.from(trust.anchors.target(name)).toString('utf8'))
}

/** Rebuilds one log from what it serves, after showing that the same checker notices one changed byte in a tile and in an entry. */
export async function checkLog(setting: FsckSetting, log: LogUnderTest, matrix: Matrix): Promise<void> {
  const size = await sizeOf(setting, log)
  await matrix.fill(log.name, 'flipped tile noticed', () => noticesFlip(setting, log, size, /^\/tile\/0\//))
  await matrix.fill(log.name, 'flipped entry noticed', () =>
    noticesFlip(setting, log, size, /^\/tile\/(?:entries|data)\//),
  )
  await matrix.fill(log.name, 'rebuilt', async () => {
    const run = await fsck(setting, log, log.url)
    if (!isWhole(run, size)) throw new Error(`not rebuilt: ${run.stdout}${run.stderr}`)
  })
}

/** An empty log has no tile to change; there the byte is one of the checkpoint. */
async function noticesFlip(setting: FsckSetting, log: LogUnderTest, size: bigint, pattern: RegExp): Promise<void> {
  const copy = await serveFlipped(log.url, size === 0n ? /^\/checkpoint$/ : pattern, setting.trust.ca)
  try {
    const run = await fsck(setting, log, copy.url)
    if (copy.changed() === undefined) throw new Error(`never read what was changed: ${run.stdout}${run.stderr}`)
    if (isWhole(run, size)) throw new Error(`did not notice one changed byte in ${copy.changed()}`)
    if (/panic|connection refused|certificate/i.test(run.stderr))
      throw new Error(`failed for another reason: ${run.stderr}`)
  } finally {
    copy.close()
  }
}

async function sizeOf(setting: FsckSetting, log: LogUnderTest): Promise<bigint> {
  const { status, bytes } = await callInstance(`${log.url}/checkpoint`, { ca: setting.trust.ca })
  if (status !== 200) throw new Error(`${log.url}/checkpoint answered ${status}`)
  return BigInt(bytes.toString('utf8').split('\n')[1] ?? '')
}

/** Both programs exit 0 whatever they found, so what they say decides. The log may have grown since its size was read. */
function isWhole({ status, stderr }: RunResult, atLeast: bigint): boolean {
  const found = /Successfully fsck'd log with size (\d+) and root/.exec(stderr)?.[1]
  const isTroubled = /fsck failed|FAILED|Couldn't fetch issuer|^[EF]\d{4} /m.test(stderr)
  return status === 0 && found !== undefined && BigInt(found) >= atLeast && !isTroubled
}

async function fsck(setting: FsckSetting, log: LogUnderTest, url: string): Promise<RunResult> {
  const { judges, trust, folder } = setting
  const env = { SSL_CERT_FILE: trust.files.deviceRoot, SSL_CERT_DIR: '/nonexistent' }
  if (log.name === 'certificates') {
    const where = [`--monitoring_url=${url}/`, `--origin=${log.origin}`, `--public_key=${log.key}`]
    const command = [judges.tesseractFsck, '--ui=false', ...where]
    // Done with the tree, it drops the issuers that it is still fetching (v0.1.1); then it has to be asked again.
    for (let tries = 1; ; tries++) {
      const run = await runProgram(command, { env })
      if (tries === 5 || !/Couldn't fetch issuer FP [0-9a-f]+: context canceled/.test(run.stderr)) return run
    }
  }
  const keyFile = path.join(folder, `${log.name}.vkey`)
  writeFileSync(keyFile, log.key)
  return runProgram([judges.tesseraFsck, '--ui=false', `--storage_url=${url}/`, `--public_key=${keyFile}`], { env })
}
