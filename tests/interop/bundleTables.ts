import type { Change, Pair } from './changes.ts'
import { Matrix } from './matrix.ts'
import type { VerifyingClient } from './verifiers.ts'

/** What is judged in one family of tables. */
export interface Judged {
  /** As it stands in the titles. */
  readonly what: string
  readonly isStatement: boolean
  /** Names of all who verify. */
  readonly verifiers: readonly Pick<VerifyingClient, 'name' | 'readsSubjects'>[]
  /** Names of the bundles. */
  readonly columns: readonly string[]
  readonly changes: readonly Change[]
}

/** One table for whole bundles, and one for each way to change a byte. */
export class BundleTables {
  readonly #accepted: Matrix
  readonly #refused: readonly { readonly change: Change; readonly able: readonly string[]; readonly matrix: Matrix }[]

  constructor({ what, isStatement, verifiers, columns, changes }: Judged) {
    const names = verifiers.map(({ name }) => name)
    this.#accepted = new Matrix(`verifies the ${what} of … (rows verify)`, names, columns)
    this.#refused = changes
      .filter(({ of }) => of !== 'statement' || isStatement)
      .map((change) => {
        const asked = verifiers.filter((one) => !isStatement || change.of !== 'file' || one.readsSubjects)
        const able = asked.map(({ name }) => name)
        const title = `${what}: refuses it when one byte of the ${change.of} is changed`
        return { change, able, matrix: new Matrix(title, able, columns) }
      })
  }

  /** Has one program judge one bundle: whole it must be accepted, changed it must be refused. */
  async judge(verifier: VerifyingClient, column: string, pair: Pair): Promise<void> {
    const isAccepted = await this.#accepted.fill(verifier.name, column, () => accepts(verifier, pair))
    // Who does not even accept the whole one shows nothing by refusing a changed one.
    if (!isAccepted) return
    for (const { change, able, matrix } of this.#refused) {
      if (!able.includes(verifier.name)) continue
      await matrix.fill(verifier.name, column, () => refuses(verifier, change.make(pair)))
    }
  }

  /** All tables, to be printed. */
  get matrices(): readonly Matrix[] {
    return [this.#accepted, ...this.#refused.map(({ matrix }) => matrix)]
  }
}

async function accepts(verifier: VerifyingClient, { file, bundle }: Pair): Promise<void> {
  const { status, stdout, stderr } = await verifier.verify(file, bundle)
  if (status !== 0) throw new Error(`exit status ${status}: ${stdout}${stderr}`)
}

async function refuses(verifier: VerifyingClient, { file, bundle }: Pair): Promise<void> {
  const answer = await verifier.verify(file, bundle)
  if (!verifier.isRefusal(answer)) throw new Error(`exit status ${answer.status}: ${answer.stdout}${answer.stderr}`)
}
