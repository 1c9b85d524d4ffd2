import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { LogKind } from '@countersign/local/feed/logKey.ts'

/** One thing that a client did or saw. Hashes and serial numbers are hexadecimal, log indexes decimal. */
export type JournalLine =
  /** Is about to ask the artifact log for this entry. */
  | { readonly what: 'asked'; readonly leaf: string; readonly body: string }
  /** Was told that the entry is in the artifact log, under this checkpoint. */
  | { readonly what: 'logged'; readonly leaf: string; readonly index: string; readonly note: string }
  /** Was given a certificate whose SCT names this entry of the certificate log. */
  | { readonly what: 'issued'; readonly serial: string; readonly index: string }
  | { readonly what: 'stamped'; readonly serial: string }
  /** Fetched this checkpoint. */
  | { readonly what: 'seen'; readonly log: LogKind; readonly note: string }
  /** Is about to bring about that `fact` has this value; never two attempts at one fact at a time. */
  | { readonly what: 'tried'; readonly fact: string; readonly value: string }
  /** Was told that `fact` has this value now. */
  | { readonly what: 'done'; readonly fact: string; readonly value: string }

/** The lines of one kind. */
export type JournalOf<What extends JournalLine['what']> = Extract<JournalLine, { what: What }>

/** An entry for the artifact log that nobody knows the fate of. */
export interface OpenEntry {
  readonly leaf: string
  readonly body: string
}

/**
 * What a client was told, kept outside the server it judges: one line of JSON each, on disk before the client goes on.
 * Opened again, also on a copy, it goes on where it ended.
 */
export class Journal {
  readonly #file: number
  readonly #lines: JournalLine[]

  constructor(path: string) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    this.#lines = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
    this.#file = openSync(path, 'a')
  }

  /** Adds a line. What the server acknowledged is on disk when this returns. */
  write(line: JournalLine): void {
    this.#lines.push(line)
    writeSync(this.#file, `${JSON.stringify(line)}\n`)
    if (line.what !== 'asked' && line.what !== 'tried') fsyncSync(this.#file)
  }

  /** Every line so far, in order. */
  lines(): readonly JournalLine[] {
    return this.#lines
  }

  /** The lines of one kind so far. */
  linesOf<What extends JournalLine['what']>(what: What): JournalOf<What>[] {
    return this.#lines.filter((line): line is JournalOf<What> => line.what === what)
  }

  /** Entries that were asked for and never acknowledged, each once. */
  unanswered(): OpenEntry[] {
    const answered = new Set(this.linesOf('logged').map(({ leaf }) => leaf))
    const asked = this.linesOf('asked').filter(({ leaf }) => !answered.has(leaf))
    return [...new Map(asked.map(({ leaf, body }) => [leaf, { leaf, body }])).values()]
  }

  /** The newest `count` entries that were acknowledged. */
  newestAcknowledged(count: number): OpenEntry[] {
    const bodies = new Map(this.linesOf('asked').map(({ leaf, body }) => [leaf, body]))
    const leaves = new Set(this.linesOf('logged').map(({ leaf }) => leaf))
    return [...leaves].slice(-count).map((leaf) => ({ leaf, body: bodies.get(leaf) ?? '' }))
  }

  close(): void {
    closeSync(this.#file)
  }
}
