import { randomBytes } from 'node:crypto'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Transaction } from 'kysely'
import type { AccountTables } from '../accountTables.ts'

/** Who a browser is signed in as. */
export interface SignedInPerson {
  /** Opaque; the same as long as the person stays, another after a removal. */
  readonly sub: string
  readonly email: string
}

/** Someone who can sign in at the embedded issuer. Nothing else about them is kept. */
export interface KnownPerson extends SignedInPerson {
  readonly since: Date
}

/**
 * Everyone who can sign in, held in memory so that every token can be checked against it without a query.
 * The database is the truth; `loaded` and `forgotten` are called after its transactions commit.
 */
export class PersonDirectory {
  readonly #bySub = new Map<string, KnownPerson>()

  private constructor(people: readonly KnownPerson[]) {
    for (const person of people) this.#bySub.set(person.sub, person)
  }

  /** Reads the directory from the database. */
  static async open(database: Database): Promise<PersonDirectory> {
    const rows = await database.tables<AccountTables>().selectFrom('account_people').selectAll().execute()
    return new PersonDirectory(rows.map(({ sub, email, since_ms }) => ({ sub, email, since: new Date(since_ms) })))
  }

  /** The person behind a token's `sub`, unless removed. */
  find(sub: string): KnownPerson | undefined {
    return this.#bySub.get(sub)
  }

  /** Everyone, by address. */
  list(): KnownPerson[] {
    return [...this.#bySub.values()].sort((a, b) => (a.email < b.email ? -1 : 1))
  }

  /** Takes in a person whose row has been committed. */
  loaded(person: KnownPerson): void {
    this.#bySub.set(person.sub, person)
  }

  /** Forgets a person whose row is gone. */
  forgotten(sub: string): void {
    this.#bySub.delete(sub)
  }
}

/** The person with this address, made on the first redemption. Runs in the caller's transaction. */
export async function ensurePerson(trx: Transaction<AccountTables>, email: string, now: Date): Promise<KnownPerson> {
  const known = await trx.selectFrom('account_people').selectAll().where('email', '=', email).executeTakeFirst()
  if (known) return { sub: known.sub, email, since: new Date(known.since_ms) }
  const sub = randomBytes(16).toString('hex')
  await trx.insertInto('account_people').values({ sub, email, since_ms: now.getTime() }).execute()
  return { sub, email, since: now }
}
