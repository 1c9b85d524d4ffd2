import type { KeyObject } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { accountError } from '../errors.ts'
import { type Fetch, fetchJson } from './fetchJson.ts'
import { type ImportedKey, importKeys, type PublishedKey, selectKey } from './importKeys.ts'
import type { TokenAlgorithm } from './tokenSignature.ts'
import type { TokenKeys } from './verifyIdentityToken.ts'

/** After this long the keys are fetched again, so that withdrawn ones stop counting. */
const FRESH_MS = 60 * 60 * 1000

/** While the issuer cannot be reached its last keys count for this long, then its tokens are refused. */
const USABLE_MS = 24 * 60 * 60 * 1000

/** Least time between two fetches, whatever tokens ask for: unknown key ids cost nothing to make. */
const PAUSE_MS = 30_000

/**
 * The keys of an issuer outside: found by OpenID Connect Discovery, imported once, kept, and fetched again hourly or for a key id
 * that is not known, at most every half minute. All verifications that need a fetch share one.
 */
export class OutsideKeys implements TokenKeys {
  readonly #issuer: string
  readonly #clock: Clock
  readonly #fetch: Fetch
  #keys: readonly ImportedKey[] = []
  #fetchedMs = Number.NEGATIVE_INFINITY
  #triedMs = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined

  constructor(issuer: string, clock: Clock, fetch: Fetch) {
    this.#issuer = issuer
    this.#clock = clock
    this.#fetch = fetch
  }

  /** See `TokenKeys.find`. Throws `account.issuer-unavailable` where there are no keys young enough and none can be fetched. */
  async find(kid: string | undefined, algorithm: TokenAlgorithm): Promise<KeyObject | undefined> {
    if (this.#ageMs() > FRESH_MS) await this.#refresh()
    if (this.#ageMs() > USABLE_MS) {
      throw accountError(
        'account.issuer-unavailable',
        `the keys of ${this.#issuer} could not be fetched; try again in half a minute`,
      )
    }
    const known = selectKey(this.#keys, kid, algorithm)
    if (known !== undefined) return known
    await this.#refresh()
    return selectKey(this.#keys, kid, algorithm)
  }

  #ageMs(): number {
    return this.#clock.monotonicMs() - this.#fetchedMs
  }

  async #refresh(): Promise<void> {
    if (this.#fetching === undefined) {
      if (this.#clock.monotonicMs() - this.#triedMs < PAUSE_MS) return
      this.#triedMs = this.#clock.monotonicMs()
      this.#fetching = this.#fetchKeys().finally(() => {
        this.#fetching = undefined
      })
    }
    // A failed fetch leaves the old keys; `find` decides whether they are young enough.
    await this.#fetching.catch(() => {})
  }

  async #fetchKeys(): Promise<void> {
    const discovery = `${this.#issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const metadata = (await fetchJson(this.#fetch, discovery)) as { issuer?: unknown; jwks_uri?: unknown } | null
    // OpenID Connect Discovery, 4.3: exactly the issuer that was asked for.
    if (metadata?.issuer !== this.#issuer || typeof metadata.jwks_uri !== 'string') {
      throw accountError('account.issuer-unavailable', `the metadata of ${this.#issuer} is not its own`)
    }
    const set = (await fetchJson(this.#fetch, metadata.jwks_uri)) as { keys?: unknown } | null
    if (!Array.isArray(set?.keys))
      throw accountError('account.issuer-unavailable', `${this.#issuer} publishes no key set`)
    this.#keys = importKeys(set.keys.filter((key): key is PublishedKey => typeof key === 'object' && key !== null))
    this.#fetchedMs = this.#clock.monotonicMs()
  }
}
