import { verifyConsistency } from '@countersign/protocol/log/merkle.ts'
import type { Instance } from 'countersign-server/compose/openInstance.ts'
import type { TransparencyLog } from 'countersign-server/log/transparencyLog.ts'
import type { TrustTables } from 'countersign-server/trust/trustTables.ts'
import type { SimulatedTime } from './simulatedTime.ts'
import type { Story } from './story.ts'

/** Something that must never happen, seen from outside. */
export interface Violation {
  readonly atMs: number
  readonly property: string
  readonly detail: string
}

/** What is true, as somebody sees it who looks at everything at once. */
export class Truth {
  readonly violations: Violation[] = []
  readonly #time: SimulatedTime
  readonly #story: Story
  readonly #endedAt = new Map<string, number>()
  #endingsReadMs = 0
  readonly #heads = new Map<string, { readonly size: bigint; readonly root: Uint8Array }>()

  constructor(time: SimulatedTime, story: Story) {
    this.#time = time
    this.#story = story
  }

  /** Notes that a property does not hold. */
  violated(property: string, detail: string): void {
    this.violations.push({ atMs: this.#time.nowMs, property, detail })
    this.#story.tell('violation', `${property}: ${detail}`)
  }

  /** When trust in the artifact ended for everybody, in true time: its record was published. */
  endedAtMs(sha256: string): number | undefined {
    return this.#endedAt.get(sha256)
  }

  /** Everything that had ended by then is known here. */
  get endingsReadMs(): number {
    return this.#endingsReadMs
  }

  /** Looks at what the instance has ended. To be called often. */
  async lookAtEndings({ storage }: Instance): Promise<void> {
    const beganMs = this.#time.nowMs
    const tables = storage.database.tables<TrustTables>()
    const ended = await tables
      .selectFrom('trust_certifications')
      .select('sha256')
      .where('ended_by', 'is not', null)
      .execute()
    for (const { sha256 } of ended) {
      if (this.#endedAt.has(sha256)) continue
      this.#endedAt.set(sha256, this.#time.nowMs)
      this.#story.tell('truth', `${sha256} has ended`)
    }
    this.#endingsReadMs = beganMs
  }

  /** Every log continues what it has shown before, also after a restart of the instance. */
  async lookAtLogs({ logs }: Instance): Promise<void> {
    for (const log of Object.values(logs)) await this.#lookAtLog(log)
  }

  async #lookAtLog(log: TransparencyLog): Promise<void> {
    const { size, root } = log.head()
    const before = this.#heads.get(log.name)
    this.#heads.set(log.name, { size, root })
    if (before === undefined || before.size === 0n) return
    if (size < before.size) return this.violated('a log never shrinks', `${log.name}: ${before.size} → ${size}`)
    try {
      const proof = await log.consistencyProof(before.size, size)
      verifyConsistency({ oldSize: before.size, oldRoot: before.root, newSize: size, newRoot: root, proof })
    } catch (error) {
      this.violated('a log never forks', `${log.name} at ${before.size} → ${size}: ${error}`)
    }
  }
}
