/** Where progress is drawn; standard error in the program. */
export interface ProgressStream {
  readonly isTTY?: boolean
  /** Takes text as it is, without a line feed of its own. */
  write(text: string): unknown
}

/** One wait that is being shown. */
export interface Progress {
  /** What is being done now, behind the name of the wait. */
  readonly say: (more: string) => void
  /** Ends the wait; on a terminal its line disappears. */
  stop(): void
}

const FIRST_MS = 1000
const TERMINAL_EVERY_MS = 200
/** Without a terminal every line stays in somebody's log. */
const PLAIN_EVERY_MS = 10_000
const CLEAR_LINE = '\r\u001b[2K'

/**
 * Shows that something is going on once it takes over a second: one line that redraws itself on a terminal, plain lines now
 * and then elsewhere.
 */
export function startProgress(what: string, stream: ProgressStream): Progress {
  const startMs = performance.now()
  let more = ''
  let isDrawn = false
  const draw = () => {
    const seconds = Math.round((performance.now() - startMs) / 1000)
    const text = `${what}${more === '' ? '' : `: ${more}`} … ${seconds} s`
    stream.write(stream.isTTY ? `${CLEAR_LINE}${text}` : `${text}\n`)
    isDrawn = true
  }
  let timer = setTimeout(function again() {
    draw()
    timer = setTimeout(again, stream.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS)
    timer.unref()
  }, FIRST_MS)
  timer.unref()
  return {
    say: (text) => {
      more = text
    },
    stop() {
      clearTimeout(timer)
      if (isDrawn && stream.isTTY) stream.write(CLEAR_LINE)
    },
  }
}
