import { existsSync } from 'node:fs'
import { replaceFile } from '@countersign/local/files/durable.ts'
import type { DataFolder } from './dataFolder.ts'
import { readJsonFile } from './readJsonFile.ts'
import { emptyState, type StoredState, storedStateShape } from './storedState.ts'

const MAX_STATE_BYTES = 1024 * 1024

/** The one writer of a device's state. */
export interface StateStore {
  readonly current: StoredState
  /**
   * Replaces the state by what `change` makes of it. When this resolves, the new state survives power loss; nothing is written
   * where `change` returns the state as it is. Changes do not interleave: writing is synchronous. Throws `files.*`, and then
   * the old state stands.
   */
  change(change: (state: StoredState) => StoredState): Promise<StoredState>
}

/**
 * Opens the state of an enrolled device. No state there: it was lost, and the new one asks for a fresh checkpoint before
 * anything starts (design 8); the server sees the report counter go back. Throws `state.damaged`.
 */
export async function openState(folder: DataFolder, earliest: Date): Promise<StateStore> {
  let current = existsSync(folder.state)
    ? await readJsonFile(folder.state, storedStateShape, MAX_STATE_BYTES)
    : emptyState(earliest, true)
  return {
    get current() {
      return current
    },
    async change(change) {
      const next = change(current)
      if (next === current) return current
      await saveState(folder, next)
      current = next
      return current
    },
  }
}

/** Writes the state durably. Throws `files.*`. */
export async function saveState(folder: DataFolder, state: StoredState): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(state))
  await replaceFile(folder.state, bytes, { point: 'agent.state', mode: 0o600 })
}
