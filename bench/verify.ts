import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { artifactBytes } from '@countersign/protocol/bundle/signedArtifact.ts'
import { writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import { type ArtifactDecision, decideArtifact } from '@countersign/protocol/decide/decideArtifact.ts'
import type { LoggedRevocation } from '@countersign/protocol/decide/facts.ts'
import { endedNumbers, loggedRecord } from '@countersign/protocol/decide/revokerFixture.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { TestMachine } from '../packages/cli/src/commands/verifyFixture.ts'
import { certifyTestArtifact, validatorsOf } from '../tests/vectors/bundle/certification.ts'
import { createTestInstance, signTestArtifact, TEST_ARTIFACT } from '../tests/vectors/bundle/fixture.ts'
import type { BenchOptions, BenchResult } from './benchResult.ts'

/** Beside the usual figures, which are those of the warm decision: other verifiers, and the whole program. */
export interface VerifyBenchResult extends BenchResult {
  /** The developer's bundle alone: half of the signature checks, and no decision. */
  readonly bundlePerSecond: number
  /** @sigstore/verify on that bundle in the same run. */
  readonly sigstorePerSecond: number
  /** `countersign verify --offline` from start to exit; the budget is 200 ms. */
  readonly coldP50Ms: number
  readonly coldMaxMs: number
  /** `node -e 0`, which no program of Node.js can pass below. */
  readonly bareNodeP50Ms: number
}

const DEFAULT_SECONDS = 3
const COLD_RUNS = 15
/** Records in the revocation log, none of which ends what is asked about. */
const RECORDS = 1000
const SLICE_MS = 100
const WARM_UP_SLICES = 5
const bin = join(import.meta.dirname, '..', 'packages', 'cli', 'bin', 'countersign.js')

/**
 * Decides about one artifact again and again on one core: its signature, its certification, and whether a record of the
 * revocation log ended one of them, parsing included, as a process that runs for long does; chains above the leaf are verified
 * once and remembered. The limit is the sum of the ten signature checks that are left, for each of the two bundles:
 * content, timestamp, certificate and SCT by P-256, checkpoint by Ed25519.
 */
export async function run({ say, seconds = DEFAULT_SECONDS }: BenchOptions): Promise<VerifyBenchResult> {
  const instance = createTestInstance()
  const bundle = signTestArtifact(instance)
  const decide = decider(instance)
  const bundleAlone = () => {
    const { verified } = verifyBundle(parseBundle(bundle), artifactBytes(TEST_ARTIFACT), instance.trustedRoot)
    if (verified === undefined) throw new Error('the bundle does not verify')
  }
  say(
    `signature, certification and ${RECORDS} records warm, their signature checks alone (eight P-256, two Ed25519), ` +
      `the bundle alone, and @sigstore/verify on it, in turns, ${4 * seconds} s`,
  )
  const theirs = sigstoreVerifier(bundle, writeTrustedRoot(instance.trustedRoot))
  const [warm, limit, alone, sigstore] = measureInTurns([decide, tenChecks(), bundleAlone, theirs], seconds)
  if (!warm || !limit || !alone || !sigstore) throw new Error('nothing was measured')
  say(`remembered from earlier bundles: ${decide().cachedChains.join(', ') || 'nothing'}`)
  const cold = await measureCold(instance, bundle, say)
  say(`the bundle alone: ours ${Math.round(alone.perSecond)}/s, @sigstore/verify ${Math.round(sigstore.perSecond)}/s`)
  return {
    name: 'verify',
    cores: availableParallelism(),
    ...warm,
    rssMb: process.memoryUsage.rss() / 1_048_576,
    limit: { name: 'their signature checks alone: eight P-256, two Ed25519', value: limit.perSecond, unit: '/s' },
    // The budget is about time, so this is above 1: how many times the signature checks a decision takes.
    ratioToLimit: limit.perSecond / warm.perSecond,
    bundlePerSecond: alone.perSecond,
    sigstorePerSecond: sigstore.perSecond,
    ...cold,
  }
}

/** The whole trust decision over one certified artifact, from the texts of its bundles on. */
function decider(instance: ReturnType<typeof createTestInstance>): () => ArtifactDecision {
  const { signature, certification } = certifyTestArtifact(instance)
  const issuer = validatorsOf(instance)
  const policy = testPolicy({
    anchors: [],
    identities: [{ issuer: readIdentity(parseBundle(signature).certificate).issuer, subject: { any: true } }],
    validators: { required: 1, of: [{ name: 'embedded', issuer, subject: `${issuer}/embedded` }] },
  })
  const expires = new Date(TEST_TIME.getTime() + 86_400_000)
  const decide = (records: readonly LoggedRevocation[]) => {
    const decision = decideArtifact(
      {
        artifact: artifactBytes(TEST_ARTIFACT),
        signature: parseBundle(signature),
        certifications: [parseBundle(certification)],
        root: instance.trustedRoot,
        knowledge: { freshness: TEST_TIME, source: 'fetched', witnessed: true, records },
        anchors: { environment: 'production', rootSha256: '11'.repeat(32), expires },
        now: TEST_TIME,
      },
      policy,
    )
    if (decision.answer !== 'yes') throw new Error(decision.reasons.join('; '))
    return decision
  }
  const authority = decide([]).certifications[0]?.authority ?? ''
  const records = Array.from({ length: RECORDS }, (_, at) =>
    // Of the same authority as the certification, which has another number.
    loggedRecord(endedNumbers([BigInt(1000 + at)], { authority } as Partial<RevocationRecord>), BigInt(at)),
  )
  return () => decide(records)
}

/** Each for `seconds` in all, by slices in turns, so that a busy machine slows all of them alike. */
function measureInTurns(works: readonly (() => void)[], seconds: number) {
  const slices = Math.ceil((seconds * 1000) / SLICE_MS)
  const timesMs: number[][] = works.map(() => [])
  for (let slice = -WARM_UP_SLICES; slice < slices; slice++) {
    for (const [at, work] of works.entries()) {
      const measured = runFor(work, SLICE_MS)
      if (slice >= 0) timesMs[at]?.push(...measured)
    }
  }
  return timesMs.map((times) => {
    const totalMs = times.reduce((sum, time) => sum + time, 0)
    return { perSecond: (times.length / totalMs) * 1000, ...percentiles(times) }
  })
}

function runFor(work: () => void, durationMs: number): number[] {
  const timesMs: number[] = []
  const startMs = performance.now()
  for (let lastMs = startMs; lastMs - startMs < durationMs; ) {
    work()
    const nowMs = performance.now()
    timesMs.push(nowMs - lastMs)
    lastMs = nowMs
  }
  return timesMs
}

function percentiles(timesMs: readonly number[]) {
  const sorted = timesMs.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1) }
}

/** Messages are as long as a TBSCertificate, which is the longest of what is signed here. */
function tenChecks(): () => void {
  const message = Buffer.alloc(700, 7)
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed25519 = generateKeyPairSync('ed25519')
  const [ecdsa, eddsa] = [sign('sha256', message, p256.privateKey), sign(null, message, ed25519.privateKey)]
  return () => {
    let isValid = true
    for (let count = 0; count < 2; count++) isValid = verify(null, message, ed25519.publicKey, eddsa) && isValid
    for (let count = 0; count < 8; count++) isValid = verify('sha256', message, p256.publicKey, ecdsa) && isValid
    if (!isValid) throw new Error('a signature does not verify')
  }
}

function sigstoreVerifier(bundle: string, root: unknown): () => void {
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root)))
  return () => void verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle)), Buffer.from(TEST_ARTIFACT)))
}

async function measureCold(
  instance: ReturnType<typeof createTestInstance>,
  bundle: string,
  say: (what: string) => void,
) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const machine = new TestMachine(join(folder, 'countersign'))
  await machine.trust(instance, machine.policy(readIdentity(parseBundle(bundle).certificate).issuer))
  await machine.learn(new Date())
  const artifact = join(folder, 'artifact')
  await writeFile(artifact, TEST_ARTIFACT)
  await writeFile(`${artifact}.sigstore.json`, bundle)
  const isBuilt = existsSync(join(bin, '..', '..', 'dist', 'main.js'))
  say(
    `starting countersign verify --offline ${COLD_RUNS} times, ${isBuilt ? 'as packed' : 'from its sources, code cached'}`,
  )
  const env = { ...process.env, XDG_CONFIG_HOME: folder, NODE_COMPILE_CACHE: join(folder, 'code') }
  const cold = runTimes([bin, 'verify', '--offline', artifact], env)
  const bare = runTimes(['-e', '0'], env)
  await rm(folder, { recursive: true })
  return { coldP50Ms: cold.p50Ms, coldMaxMs: cold.maxMs, bareNodeP50Ms: bare.p50Ms }
}

function runTimes(command: readonly string[], env: NodeJS.ProcessEnv) {
  const timesMs: number[] = []
  // The first run fills the code cache.
  for (let count = 0; count <= COLD_RUNS; count++) {
    const startMs = performance.now()
    const { status, stderr } = spawnSync(process.execPath, command, { env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`)
    if (count > 0) timesMs.push(performance.now() - startMs)
  }
  return percentiles(timesMs)
}
