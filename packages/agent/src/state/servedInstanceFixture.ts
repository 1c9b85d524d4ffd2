import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { saveAnchor } from '@countersign/local/anchors/anchorStore.ts'
import { fixtureRepository, fixtureSpec, TufServer } from '@countersign/local/anchors/repositoryFixture.ts'
import { sha256Hex } from '@countersign/local/anchors/tufMetadata.ts'
import { type Clock, systemClock } from '@countersign/local/clock/clock.ts'
import { LogServer, TestLog, testSigner } from '@countersign/local/feed/logFixture.ts'
import { writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { signedLeaf, type TestRevoker } from '@countersign/protocol/decide/revokerFixture.ts'
import { testPolicy, unreachableLogs } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { parseTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { prepareTimestamp } from '@countersign/protocol/timestamp/response.ts'
import { TEST_POLICY } from '@countersign/protocol/timestamp/timestampFixture.ts'
import { makeTestRoot, TEST_TIME, testSerial } from '@countersign/protocol/x509/authorityFixture.ts'
import { validatorsOf } from '../../../../tests/vectors/bundle/certification.ts'
import { createTestInstance, type TestInstance } from '../../../../tests/vectors/bundle/fixture.ts'

const ORIGIN = 'sign.example.com/development/revocations'
const WITNESS = 'witness.example.org'
const DAY_MS = 86_400_000

/**
 * An instance of tests on real sockets: trust metadata, the revocation feed and a timestamp authority, all with the time of
 * `clock`. What it certifies is made by `tests/vectors/bundle`; it has no other operation.
 */
export class ServedInstance {
  readonly crypto: TestInstance = createTestInstance()
  /** Shows `TEST_TIME` at its start, and sleeps `haste` times as fast as it is asked to. */
  readonly clock: Clock
  readonly #log = new TestLog(ORIGIN)
  readonly #witness = testSigner(WITNESS, 0x04)
  readonly #spec = fixtureSpec(new Date(Math.max(Date.now(), TEST_TIME.getTime()) + DAY_MS))
  #version = 0
  #policy: VerificationPolicy
  readonly #tuf: TufServer
  readonly #feed: LogServer
  readonly #stamps: Server
  readonly #certificatePem: string

  private constructor(
    { tuf, feed, stamps }: { readonly tuf: TufServer; readonly feed: LogServer; readonly stamps: Server },
    certificatePem: string,
    clock: Clock,
  ) {
    this.#tuf = tuf
    this.#feed = feed
    this.#stamps = stamps
    this.#certificatePem = certificatePem
    this.clock = clock
    const issuer = validatorsOf(this.crypto)
    this.#policy = testPolicy({
      environment: 'development',
      anchors: [],
      identities: [{ issuer: 'https://sign.example.com/oidc', subject: { any: true } }],
      validators: { required: 1, of: [{ name: 'embedded', issuer, subject: `${issuer}/embedded` }] },
      logs: {
        ...unreachableLogs(),
        revocations: [{ origin: ORIGIN, key: { vkey: this.#log.signer.vkey }, url: `${feed.url}/revocations` }],
      },
      witnesses: { quorum: 1, of: [{ name: WITNESS, vkey: this.#witness.vkey, outside: true }] },
    })
  }

  static async start(changes: Partial<VerificationPolicy> = {}, haste = 1): Promise<ServedInstance> {
    const [tuf, feed] = await Promise.all([TufServer.start(), LogServer.start()])
    const { certificate, key } = makeTestRoot('localhost')
    const cert = `-----BEGIN CERTIFICATE-----\n${certificate.raw.toBase64()}\n-----END CERTIFICATE-----\n`
    const stamps = createServer({ cert, key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) })
    await new Promise<void>((resolve) => stamps.listen(0, '127.0.0.1', resolve))
    const aheadMs = TEST_TIME.getTime() - Date.now()
    const clock: Clock = {
      ...systemClock,
      now: () => new Date(Date.now() + aheadMs),
      sleep: (ms, signal) => systemClock.sleep(ms / haste, signal),
    }
    const instance = new ServedInstance({ tuf, feed, stamps }, cert, clock)
    stamps.on('request', async (request, reply) => {
      if (request.url !== '/api/v1/timestamp') return reply.writeHead(404).end()
      const body = Buffer.concat(await Array.fromAsync(request))
      reply.setHeader('content-type', 'application/timestamp-reply')
      reply.end(instance.#stamp(new Uint8Array(body)))
    })
    instance.setPolicy(changes)
    instance.publish()
    return instance
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#stamps.address() as AddressInfo).port}`
  }

  get httpUrl(): string {
    return this.#tuf.url
  }

  get rootSha256(): string {
    return sha256Hex(this.#repository().roots[0] as Uint8Array)
  }

  /** How many requests for files of the log came. */
  get feedRequests(): number {
    return this.#feed.requests
  }

  /** Trusts this instance below the settings folder `config`, as it is now. */
  async trustBelow(config: string): Promise<void> {
    const { url, httpUrl, rootSha256 } = this
    const facts = { url, httpUrl, environment: 'development', rootSha256, addedAt: TEST_TIME.toISOString() } as const
    await saveAnchor({ v: 1, ...facts, repository: this.#repository() }, config)
  }

  /** Distributes a changed policy under the next version. */
  setPolicy(changes: Partial<VerificationPolicy>): void {
    this.#policy = { ...this.#policy, ...changes }
    this.#version++
    this.#tuf.serve(this.#repository())
  }

  /** Logs a record as `by` signed it, and publishes the checkpoint. Nothing is pushed. */
  revoke(record: RevocationRecord, by: TestRevoker): void {
    this.#log.entries.push(signedLeaf(record, by))
    this.publish()
  }

  /** Publishes the checkpoint of the log as it was at `size`, cosigned at `time`. */
  publish(time = this.clock.now(), size = this.#log.entries.length): void {
    this.#feed.publish('revocations', this.#log, this.#log.checkpoint(this.#witness, time, size))
  }

  /** Nobody is reached any more. */
  stop(): void {
    this.#tuf.stop()
    this.#feed.stop()
    this.#stamps.closeAllConnections()
    this.#stamps.close()
  }

  #repository() {
    const files = {
      'trusted_root.json': Buffer.from(JSON.stringify(writeTrustedRoot(this.crypto.trustedRoot))),
      'device_root.pem': Buffer.from(this.#certificatePem),
      'verification_policy.json': Buffer.from(JSON.stringify(this.#policy)),
    }
    return fixtureRepository({ ...this.#spec, version: this.#version, files })
  }

  #stamp(request: Uint8Array): Uint8Array {
    const { certificate, key } = this.crypto.timestamps
    const prepared = prepareTimestamp({
      request: parseTimestampRequest(request),
      serial: testSerial(),
      genTime: this.clock.now(),
      policy: TEST_POLICY,
      accuracySeconds: 1,
      signer: certificate,
      chain: [],
      signatureAlgorithm: key.signatureAlgorithm,
    })
    return prepared.finish(key.sign(prepared.toSign))
  }
}
