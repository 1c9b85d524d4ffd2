import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Insertable, Selectable, Transaction, Updateable } from 'kysely'
import type { CatalogueRow, CertificationRow, CertifyTables, SubmissionRow } from './certifyTables.ts'

/** A submission as it was read. */
export type StoredSubmission = Selectable<SubmissionRow>
/** A certification as it was read. */
export type StoredCertification = Selectable<CertificationRow>

/** What the store stands on. */
export interface CertifyStoreDeps {
  readonly database: Database
  readonly clock: Clock
}

/** The submissions, catalogues and certifications of this validator. Reads see what is committed. */
export class CertifyStore {
  readonly #database: Database
  readonly #clock: Clock

  constructor({ database, clock }: CertifyStoreDeps) {
    this.#database = database
    this.#clock = clock
  }

  /** One submission; undefined where it is not known here. */
  submission(id: string): Promise<StoredSubmission | undefined> {
    return this.#reading.selectFrom('certify_submissions').selectAll().where('id', '=', id).executeTakeFirst()
  }

  /** The newest submissions first. */
  submissions(limit: number): Promise<StoredSubmission[]> {
    const reading = this.#reading.selectFrom('certify_submissions').selectAll()
    return reading.orderBy('changed_ms', 'desc').limit(limit).execute()
  }

  /** Submissions of which the instance is not told everything, oldest first: what a restart goes on with. */
  unfinished(): Promise<StoredSubmission[]> {
    const reading = this.#reading.selectFrom('certify_submissions').selectAll()
    return reading.where('told', '=', 0).orderBy('changed_ms').execute()
  }

  /** How many submissions wait for the operator. */
  async countAsked(): Promise<number> {
    const reading = this.#reading
      .selectFrom('certify_submissions')
      .select((one) => one.fn.countAll<number>().as('count'))
    return (await reading.where('stage', '=', 'asked').executeTakeFirst())?.count ?? 0
  }

  /** Keeps a submission that is new here; one that is known stays as it is. Durable when this resolves. */
  async addSubmission(row: Omit<SubmissionRow, 'changed_ms' | 'operator' | 'scan'>): Promise<StoredSubmission> {
    await this.#database.commitTogether<CertifyTables, void>('certify.submission', async (trx) => {
      const values = { ...row, changed_ms: this.#nowMs }
      await trx
        .insertInto('certify_submissions')
        .values(values)
        .onConflict((on) => on.doNothing())
        .execute()
    })
    return present(await this.submission(row.id))
  }

  /** The newest catalogue of an artifact by this version of the inspector. */
  catalogueOf(sha256: string, scanner: string): Promise<Selectable<CatalogueRow> | undefined> {
    const reading = this.#reading.selectFrom('certify_catalogues').selectAll().where('sha256', '=', sha256)
    return reading.where('scanner', '=', scanner).orderBy('id', 'desc').executeTakeFirst()
  }

  /** One catalogue's JSON. */
  async catalogue(id: number): Promise<string> {
    const reading = this.#reading.selectFrom('certify_catalogues').select('catalogue').where('id', '=', id)
    return present(await reading.executeTakeFirst()).catalogue
  }

  /** Keeps a catalogue. Durable when this resolves with its number. */
  addCatalogue(row: Insertable<CatalogueRow>): Promise<number> {
    return this.#database.commitTogether<CertifyTables, number>('certify.catalogue', async (trx) => {
      const added = await trx.insertInto('certify_catalogues').values(row).returning('id').executeTakeFirstOrThrow()
      return added.id
    })
  }

  /** Changes a submission. Durable when this resolves. */
  async changeSubmission(id: string, changes: Updateable<SubmissionRow>): Promise<StoredSubmission> {
    await this.#database.commitTogether<CertifyTables, void>('certify.progress', (trx) =>
      this.changeSubmissionWithin(trx, id, changes),
    )
    return present(await this.submission(id))
  }

  /** Changes a submission that waits for the operator; undefined where it does not, or not any more: nothing changes then. */
  async changeAsked(id: string, changes: Updateable<SubmissionRow>): Promise<StoredSubmission | undefined> {
    const isAsked = await this.#database.commitTogether<CertifyTables, boolean>('certify.operator', async (trx) => {
      const reading = trx.selectFrom('certify_submissions').select('stage').where('id', '=', id)
      if ((await reading.executeTakeFirst())?.stage !== 'asked') return false
      await this.changeSubmissionWithin(trx, id, changes)
      return true
    })
    return isAsked ? this.submission(id) : undefined
  }

  /** As `changeSubmission`, as part of the caller's transaction. */
  async changeSubmissionWithin<T extends CertifyTables>(
    trx: Transaction<T>,
    id: string,
    changes: Updateable<SubmissionRow>,
  ): Promise<void> {
    const own = trx as unknown as Transaction<CertifyTables>
    const values = { ...changes, changed_ms: this.#nowMs }
    await own.updateTable('certify_submissions').set(values).where('id', '=', id).execute()
  }

  /** Ends a submission in failure; `isVoid`: the certification that was begun for it got no certificate and never will. */
  async failSubmission(id: string, failure: string, isVoid: boolean): Promise<StoredSubmission> {
    await this.#database.commitTogether<CertifyTables, void>('certify.failed', async (trx) => {
      await this.changeSubmissionWithin(trx, id, { stage: 'failed', failure })
      const begun = trx.updateTable('certify_certifications').set({ state: 'void' })
      if (isVoid) await begun.where('submission_id', '=', id).where('number', 'is', null).execute()
    })
    return present(await this.submission(id))
  }

  /** How many submissions and certifications are in which state. */
  async counts(): Promise<{ submissions: Record<string, number>; certifications: Record<string, number> }> {
    const submissions = await this.#reading
      .selectFrom('certify_submissions')
      .select(['stage as name', (select) => select.fn.countAll<number>().as('count')])
      .groupBy('stage')
      .execute()
    const certifications = await this.#reading
      .selectFrom('certify_certifications')
      .select(['state as name', (select) => select.fn.countAll<number>().as('count')])
      .groupBy('state')
      .execute()
    const record = (rows: readonly { name: string; count: number }[]) =>
      Object.fromEntries(rows.map((row) => [row.name, row.count]))
    return { submissions: record(submissions), certifications: record(certifications) }
  }

  /** One certification by its number here. */
  certification(id: number): Promise<StoredCertification | undefined> {
    return this.#reading.selectFrom('certify_certifications').selectAll().where('id', '=', id).executeTakeFirst()
  }

  /** The certification that was begun for a submission. */
  certificationOf(submissionId: string): Promise<StoredCertification | undefined> {
    const reading = this.#reading.selectFrom('certify_certifications').selectAll()
    return reading.where('submission_id', '=', submissionId).executeTakeFirst()
  }

  /** Whoever an advisory can still reach: pending and active ones that have not run out, without their statements. */
  watched(): Promise<Pick<StoredCertification, 'id' | 'catalogue_id' | 'not_after'>[]> {
    return this.#reading
      .selectFrom('certify_certifications')
      .select(['id', 'catalogue_id', 'not_after'])
      .where('state', 'in', ['pending', 'active'])
      .where('not_after', '>', this.#clock.now().toISOString())
      .orderBy('id')
      .execute()
  }

  get #reading() {
    return this.#database.tables<CertifyTables>()
  }

  get #nowMs(): number {
    return this.#clock.now().getTime()
  }
}

function present<T>(row: T | undefined): T {
  if (row === undefined) throw new TypeError('a row that was just written or is referred to is not there')
  return row
}
