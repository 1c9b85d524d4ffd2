import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { anchorFolder, saveAnchor } from '@countersign/local/anchors/anchorStore.ts'
import { fixtureRepository, fixtureSpec } from '@countersign/local/anchors/repositoryFixture.ts'
import { sha256Hex } from '@countersign/local/anchors/tufMetadata.ts'
import { saveFeedState } from '@countersign/local/feed/feedStore.ts'
import { TestLog, testSigner } from '@countersign/local/feed/logFixture.ts'
import { keepRecords } from '@countersign/local/feed/recordStore.ts'
import { writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { TestInstance } from '../../../../tests/vectors/bundle/fixture.ts'

const NOWHERE = 'http://127.0.0.1:1'

/** A machine's settings folder for tests, trusting one instance that cannot be reached. */
export class TestMachine {
  readonly #config: string
  readonly #witness = testSigner('witness.example.org', 0x04)
  readonly #revocations = new TestLog('sign.example.com/development/revocations')
  #rootSha256 = ''

  /** `config` is what `configFolder` returns for the program under test. */
  constructor(config: string) {
    this.#config = config
  }

  /** Where the trust and the news of the instance lie. */
  get folder(): string {
    return anchorFolder(this.#rootSha256, this.#config)
  }

  /** The instance's policy: everyone whom `issuer` signs in, development, one outside witness. */
  policy(issuer: string, changes: Partial<VerificationPolicy> = {}): VerificationPolicy {
    const { key, vkey } = this.#revocations.signer
    return testPolicy({
      environment: 'development',
      anchors: [],
      identities: [{ issuer, subject: { any: true } }],
      logs: { ...testPolicy().logs, revocations: [{ origin: key.name, key: { vkey }, url: NOWHERE }] },
      witnesses: { quorum: 1, of: [{ name: 'witness.example.org', vkey: this.#witness.vkey, outside: true }] },
      ...changes,
    })
  }

  /** Trusts `instance` with this policy and nothing else, as `trust add` leaves it. */
  async trust({ trustedRoot }: TestInstance, policy: VerificationPolicy): Promise<void> {
    const files = {
      'trusted_root.json': Buffer.from(JSON.stringify(writeTrustedRoot(trustedRoot))),
      'verification_policy.json': Buffer.from(JSON.stringify(policy)),
    }
    const repository = fixtureRepository(fixtureSpec(new Date(), { files }))
    rmSync(join(this.#config, 'anchors'), { recursive: true, force: true })
    this.#rootSha256 = sha256Hex(repository.roots[0] as Uint8Array)
    const { environment } = policy
    const facts = { url: 'https://sign.example.com', httpUrl: NOWHERE, environment, rootSha256: this.#rootSha256 }
    await saveAnchor({ v: 1, ...facts, addedAt: new Date().toISOString(), repository }, this.#config)
  }

  /** Keeps a checkpoint of the revocation log that the witness saw at `time`, after these leaves were added to it. */
  async learn(time: Date, ...leaves: readonly Uint8Array[]): Promise<void> {
    const { signer, entries } = this.#revocations
    entries.push(...leaves)
    const note = this.#revocations.checkpoint(this.#witness, time)
    const origin = signer.key.name
    if (entries.length > 0) await keepRecords(this.folder, origin, 0n, entries)
    await saveFeedState(this.folder, { v: 1, origin, note, read: String(entries.length) })
  }
}
