import type { Terminal } from './terminal.ts'

/** A terminal that remembers, for tests. */
export interface RecordedTerminal extends Terminal {
  readonly lines: string[]
  readonly notes: string[]
  readonly results: Record<string, unknown>[]
}

/** Records everything a command says, text and JSON alike. */
export function recordingTerminal(signal: AbortSignal = new AbortController().signal): RecordedTerminal {
  const lines: string[] = []
  const notes: string[] = []
  const results: Record<string, unknown>[] = []
  return {
    json: false,
    signal,
    lines,
    notes,
    results,
    line: (text = '') => lines.push(text),
    note: (text) => notes.push(text),
    result: (value) => results.push(value as Record<string, unknown>),
    during: (_what, work) => work(() => {}),
  }
}
