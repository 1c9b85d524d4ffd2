import { hash } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Transaction } from 'kysely'
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import type { AccountTables } from '../accountTables.ts'
import { providerErrors } from './oidcProvider.ts'

/** Records whose id is a bearer secret that lives long or opens a session: stored under its hash, so that a copy of the database opens nothing. */
const HASHED_MODELS: ReadonlySet<string> = new Set(['Session', 'RefreshToken', 'AuthorizationCode'])

/** Answers carry the identity token in place of an access token, so there is nothing to look up later. */
const UNSTORED_MODELS: ReadonlySet<string> = new Set(['AccessToken'])

/** The store of the OpenID Connect provider: one table, every write durable before the provider answers. */
export function providerRecords(database: Database, clock: Clock): AdapterFactory {
  return (model) => (UNSTORED_MODELS.has(model) ? new UnstoredRecords() : new StoredRecords(model, database, clock))
}

class StoredRecords implements Adapter {
  readonly #model: string
  readonly #database: Database
  readonly #clock: Clock

  constructor(model: string, database: Database, clock: Clock) {
    this.#model = model
    this.#database = database
    this.#clock = clock
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const values = {
      payload: JSON.stringify(withoutSecrets(this.#model, payload)),
      expires_ms: expiresIn === undefined ? null : this.#clock.now().getTime() + expiresIn * 1000,
      grant_id: payload.grantId ?? null,
      account_id: payload.accountId ?? payload.session?.accountId ?? payload.result?.login?.accountId ?? null,
      lookup: payload.userCode ?? payload.uid ?? null,
    }
    await this.#write((trx) =>
      trx
        .insertInto('account_provider_records')
        .values({ model: this.#model, key: this.#key(id), ...values })
        .onConflict((conflict) => conflict.columns(['model', 'key']).doUpdateSet(values))
        .execute(),
    )
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const payload = await this.#first('key', this.#key(id))
    return payload && { ...payload, jti: id }
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#first('lookup', uid)
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#first('lookup', userCode)
  }

  async consume(id: string): Promise<void> {
    await this.#write(async (trx) => {
      const record = trx.selectFrom('account_provider_records').select('payload')
      const row = await record.where('model', '=', this.#model).where('key', '=', this.#key(id)).executeTakeFirst()
      const payload = row && JSON.parse(row.payload)
      // Two requests may both have read the record unused; only one of them gets here first.
      if (!payload || payload.consumed) throw new providerErrors.InvalidGrant('it was used already')
      payload.consumed = Math.floor(this.#clock.now().getTime() / 1000)
      await trx
        .updateTable('account_provider_records')
        .set({ payload: JSON.stringify(payload) })
        .where('model', '=', this.#model)
        .where('key', '=', this.#key(id))
        .execute()
    })
  }

  async destroy(id: string): Promise<void> {
    await this.#write((trx) =>
      trx
        .deleteFrom('account_provider_records')
        .where('model', '=', this.#model)
        .where('key', '=', this.#key(id))
        .execute(),
    )
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#write((trx) =>
      trx
        .deleteFrom('account_provider_records')
        .where('model', '=', this.#model)
        .where('grant_id', '=', grantId)
        .execute(),
    )
  }

  async #first(column: 'key' | 'lookup', value: string): Promise<AdapterPayload | undefined> {
    const records = this.#database.tables<AccountTables>().selectFrom('account_provider_records').select('payload')
    const row = await records.where('model', '=', this.#model).where(column, '=', value).executeTakeFirst()
    return row && (JSON.parse(row.payload) as AdapterPayload)
  }

  async #write(work: (trx: Transaction<AccountTables>) => Promise<unknown>): Promise<void> {
    await this.#database.commitTogether<AccountTables, unknown>('account.provider-record', work)
  }

  #key(id: string): string {
    return HASHED_MODELS.has(this.#model) ? hash('sha256', id, 'hex') : id
  }
}

class UnstoredRecords implements Adapter {
  async upsert(): Promise<void> {}
  async find(): Promise<undefined> {}
  async findByUid(): Promise<undefined> {}
  async findByUserCode(): Promise<undefined> {}
  async consume(): Promise<void> {}
  async destroy(): Promise<void> {}
  async revokeByGrantId(): Promise<void> {}
}

function withoutSecrets(model: string, payload: AdapterPayload): AdapterPayload {
  const { jti, session, ...rest } = payload
  const kept: AdapterPayload = HASHED_MODELS.has(model) ? rest : { ...rest, jti }
  // An interaction also notes the session's cookie, which nothing reads.
  return session === undefined ? kept : { ...kept, session: { ...session, cookie: undefined } }
}
