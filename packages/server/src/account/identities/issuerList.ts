import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { AcceptedIssuer } from '@countersign/protocol/api/people.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { AccountTables, OutsideIssuerRow } from '../accountTables.ts'
import type { AuditIntent } from '../audit/auditStore.ts'
import type { AuditTrail } from '../audit/auditTrail.ts'
import { accountError } from '../errors.ts'
import type { Fetch } from './fetchJson.ts'
import type { IssuerKind } from './identity.ts'
import { OutsideKeys } from './outsideKeys.ts'
import type { TokenIssuer } from './verifyIdentityToken.ts'

/** What the list stands on. */
export interface IssuerListDeps {
  readonly database: Database
  readonly clock: Clock
  readonly audit: AuditTrail
  /** `https://host[:port]`; no outside issuer may claim an address under it. */
  readonly publicUrl: string
  readonly embedded: TokenIssuer
  /** Defaults to the runtime's. */
  readonly fetch?: Fetch | undefined
}

/** An issuer as the operator names it. */
export interface OutsideIssuer {
  readonly url: string
  readonly kind: IssuerKind
  readonly audience: string
}

/** The closed list of issuers whose tokens are taken: the embedded one, and those that the operator added. No wildcards. */
export class IssuerList {
  readonly #deps: IssuerListDeps
  readonly #byUrl = new Map<string, TokenIssuer>()

  private constructor(deps: IssuerListDeps, outside: readonly OutsideIssuer[]) {
    this.#deps = deps
    this.#byUrl.set(deps.embedded.url, deps.embedded)
    for (const issuer of outside) this.#take(issuer)
  }

  /** Reads the list from the database. */
  static async open(deps: IssuerListDeps): Promise<IssuerList> {
    const rows = await deps.database.tables<AccountTables>().selectFrom('account_outside_issuers').selectAll().execute()
    return new IssuerList(deps, rows.map(fromRow))
  }

  /** The issuer with exactly this `iss`, if it is on the list. */
  find(url: string): TokenIssuer | undefined {
    return this.#byUrl.get(url)
  }

  /** The whole list, the embedded issuer first. */
  list(): AcceptedIssuer[] {
    return [...this.#byUrl.values()].map((issuer) => this.#describe(issuer))
  }

  /**
   * Accepts tokens of one more issuer, which from then on says who may sign here. A policy change, so it is in the audit log
   * before it counts. Throws `account.issuer-invalid`, `account.issuer-exists`.
   */
  async add(caller: JsonValue, issuer: OutsideIssuer): Promise<AcceptedIssuer> {
    this.#check(issuer.url)
    const { url, kind, audience } = issuer
    const intent = await this.#deps.database.transaction<AccountTables, AuditIntent>(
      'account.issuer-added',
      async (trx) => {
        await trx.insertInto('account_outside_issuers').values({ url, kind, audience }).execute()
        return this.#deps.audit.intend(trx, { kind: 'issuer.added', actor: caller, detail: { url, kind, audience } })
      },
    )
    await this.#deps.audit.settle(intent)
    return this.#describe(this.#take(issuer))
  }

  /** Stops accepting tokens of an issuer at once. Certificates issued before stay. Throws `account.issuer-unknown`. */
  async remove(caller: JsonValue, url: string): Promise<{ url: string }> {
    const issuer = this.#byUrl.get(url)
    if (!issuer || issuer === this.#deps.embedded) {
      throw accountError('account.issuer-unknown', 'no outside issuer has exactly this URL')
    }
    const intent = await this.#deps.database.transaction<AccountTables, AuditIntent>(
      'account.issuer-removed',
      async (trx) => {
        await trx.deleteFrom('account_outside_issuers').where('url', '=', url).execute()
        return this.#deps.audit.intend(trx, { kind: 'issuer.removed', actor: caller, detail: { url } })
      },
    )
    this.#byUrl.delete(url)
    await this.#deps.audit.settle(intent)
    return { url }
  }

  #take({ url, kind, audience }: OutsideIssuer): TokenIssuer {
    const { clock, fetch = globalThis.fetch } = this.#deps
    const issuer = { url, kind, audience, keys: new OutsideKeys(url, clock, fetch) }
    this.#byUrl.set(url, issuer)
    return issuer
  }

  #describe(issuer: TokenIssuer): AcceptedIssuer {
    const { url, kind, audience } = issuer
    return { url, kind, audience, embedded: issuer === this.#deps.embedded }
  }

  #check(text: string): void {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const plain = url && url.protocol === 'https:' && !url.search && !url.hash && !url.username && !url.password
    // The normal form only: two spellings of one issuer would be two identities.
    const normal = url && (text === url.href || `${text}/` === url.href)
    if (!plain || !normal || text.includes('*')) {
      throw accountError(
        'account.issuer-invalid',
        'an outside issuer is an https:// URL without query, user or wildcard, in normal form',
      )
    }
    // Addresses under our own are reserved: the embedded issuer and the validators' identities live there.
    if (url.origin === new URL(this.#deps.publicUrl).origin) {
      throw accountError('account.issuer-invalid', 'addresses of this server itself are reserved')
    }
    if (this.#byUrl.has(text)) throw accountError('account.issuer-exists', 'this issuer is accepted already')
  }
}

function fromRow({ url, kind, audience }: OutsideIssuerRow): OutsideIssuer {
  return { url, kind: kind === 'github-workflow' ? 'github-workflow' : 'email', audience }
}
