import { startProgress } from './progress.ts'

/** How one command talks: results on standard output, everything else on standard error. */
export interface Terminal {
  readonly json: boolean
  /** Stops at Ctrl-C. */
  readonly signal: AbortSignal
  /** One line of the result, for people. Silent with `--json`. */
  line(text?: string): void
  /** The result for programs: one object on one line. Silent without `--json`. */
  result(value: object): void
  /** A remark that is not part of the result. */
  note(text: string): void
  /** Runs `work`; what it waits for is shown once that takes over a second. */
  during<T>(what: string, work: (say: (more: string) => void) => Promise<T>): Promise<T>
}

/** The terminal of this process. */
export function openTerminal({ json, signal }: { json: boolean; signal: AbortSignal }): Terminal {
  return {
    json,
    signal,
    line: (text = '') => {
      if (!json) process.stdout.write(`${text}\n`)
    },
    result: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, writeBigInt)}\n`)
    },
    note: (text) => {
      process.stderr.write(`${text}\n`)
    },
    async during(what, work) {
      const progress = startProgress(what, process.stderr)
      try {
        return await work(progress.say)
      } finally {
        progress.stop()
      }
    },
  }
}

/** Tree sizes and indexes are strings in JSON, as in every format here. */
function writeBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
