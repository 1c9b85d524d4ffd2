import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Who sits at a machine. */
export interface Seat {
  /** Network namespace of the machine. */
  readonly namespace: string
  readonly uid: number
  readonly gid: number
  readonly env: Readonly<Record<string, string>>
  /** Where what is typed is kept; the person can read it. */
  readonly scripts: string
}

/** What a block left behind. */
export interface Typed {
  /** Exit code of the first command that failed; else 0. */
  readonly status: number
  readonly output: string
}

/** Written after each block, because a shell does not say by itself that it is done. */
const mark = 'first-hour-block-ended'
const LOOK_EVERY_MS = 50

/**
 * A terminal with a shell, which keeps its folder and variables from block to block as a person's does. Both streams of
 * everything come out in one.
 */
export class Terminal {
  readonly #shell: ChildProcess
  readonly #seat: Seat
  readonly name: string
  #output = ''
  #seen = 0
  #blocks = 0
  #isOver = false

  constructor(name: string, seat: Seat) {
    this.name = name
    this.#seat = seat
    const { namespace, uid, gid, env } = seat
    const user = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs']
    this.#shell = spawn('ip', ['netns', 'exec', namespace, ...user, 'bash', '--noprofile', '--norc'], {
      cwd: env.HOME,
      env,
      stdio: 'pipe',
      detached: true,
    })
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
    this.#shell.on('close', () => {
      this.#isOver = true
    })
    this.#shell.stdin?.write('exec 2>&1\n')
  }

  /** Types a block and waits for its end. `onOutput` sees all of its output so far, again and again. */
  async type(text: string, timeoutMs: number, onOutput: (output: string) => void = () => {}): Promise<Typed> {
    const from = this.#output.length
    this.begin(text)
    const end = new RegExp(`\\n?${mark} (\\d+)\\n`)
    let found: RegExpExecArray | null = null
    await this.#until(
      () => {
        const output = this.#output.slice(from)
        onOutput(output)
        found = end.exec(output)
        return found !== null
      },
      timeoutMs,
      `did not end:\n${text}`,
    )
    const [whole, status] = found as unknown as RegExpExecArray
    this.#seen = this.#output.length
    return { status: Number(status), output: plain(this.#output.slice(from).replace(whole, '\n')) }
  }

  /** Types a block that goes on running. */
  begin(text: string): void {
    // From a file, so that no program reads what is meant for the shell.
    const script = path.join(this.#seat.scripts, `${this.name}-${++this.#blocks}.sh`)
    writeFileSync(script, text)
    const lines = [
      'failed=',
      `trap ': "\${failed:=$?}"' ERR`,
      `. '${script}' </dev/null`,
      'trap - ERR',
      `printf '\\n%s %s\\n' ${mark} "\${failed:-0}"`,
    ]
    this.#shell.stdin?.write(`${lines.join('\n')}\n`)
  }

  /** Waits until `isThere` answers true for what came out since it was last looked at, and returns that. */
  async see(isThere: (output: string) => boolean, timeoutMs: number, what: string): Promise<string> {
    const from = this.#seen
    const isEnd = (output: string) => output.includes(mark)
    await this.#until(
      () => {
        const output = plain(this.#output.slice(from))
        if (!isThere(output) && isEnd(output)) throw this.#failure(`ended without ${what}`)
        return isThere(output)
      },
      timeoutMs,
      `does not show ${what}`,
    )
    this.#seen = this.#output.length
    return plain(this.#output.slice(from))
  }

  /** Presses Ctrl-C, and waits until what runs has ended. Returns its exit code. */
  async interrupt(timeoutMs: number): Promise<number> {
    const from = this.#output.length
    // A terminal interrupts its foreground; the shell itself goes on.
    const { pid } = this.#shell
    const running = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    for (const one of running) process.kill(Number(one), 'SIGINT')
    const end = new RegExp(`${mark} (\\d+)\\n`)
    await this.#until(() => end.test(this.#output.slice(from)), timeoutMs, 'goes on after Ctrl-C')
    this.#seen = this.#output.length
    return Number(end.exec(this.#output.slice(from))?.[1])
  }

  /** Everything that came out. */
  get output(): string {
    return plain(this.#output)
  }

  /** Closes the window. */
  close(): void {
    this.#shell.stdin?.end('exit\n')
  }

  async #until(isDone: () => boolean, timeoutMs: number, complaint: string): Promise<void> {
    const until = performance.now() + timeoutMs
    while (!isDone()) {
      if (this.#isOver) throw this.#failure(`closed by itself; it ${complaint}`)
      if (performance.now() > until) throw this.#failure(complaint)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }

  #failure(complaint: string): Error {
    return new Error(`the terminal ${this.name} ${complaint}\n--- its last output\n${this.output.slice(-20_000)}`)
  }
}

/** As it reads on a screen: without colours, and of what was overwritten in a line the last. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control sequences of terminals
  const bare = text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
  return bare
    .split('\n')
    .map((line) => line.replace(/\r$/, '').split('\r').at(-1) ?? '')
    .join('\n')
}
