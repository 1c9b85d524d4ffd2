/** One step of the story with its time. */
export interface Step {
  readonly name: string
  readonly ms: number
}

/** Tells the story while it happens: every step with its time, and below it what proves it. */
export class Story {
  readonly steps: Step[] = []
  readonly #silent: boolean

  constructor(options: { readonly silent: boolean }) {
    this.#silent = options.silent
  }

  /** Begins a chapter. */
  chapter(title: string): void {
    if (!this.#silent) console.log(`\n${title}`)
  }

  /** Does `work` and prints how long it took and what `proof` says about its result. */
  async step<Result>(
    name: string,
    what: string,
    work: () => Promise<Result>,
    proof: (result: Result) => readonly string[] = () => [],
  ): Promise<Result> {
    const start = performance.now()
    const result = await work()
    const ms = Math.round(performance.now() - start)
    this.steps.push({ name, ms })
    if (!this.#silent) {
      console.log(`${String(this.steps.length).padStart(2)} ${name.padEnd(10)} ${`${ms} ms`.padStart(9)}   ${what}`)
      for (const line of proof(result)) console.log(`${' '.repeat(26)}${line}`)
    }
    return result
  }

  /** Prints lines that stand on their own. */
  tell(...lines: readonly string[]): void {
    if (!this.#silent) for (const line of lines) console.log(line)
  }
}
