const FIRST_MS = 1000
const EVERY_MS = 1000
/** Without a terminal every line stays in somebody's log. */
const PLAIN_EVERY_MS = 10_000
const CLEAR_LINE = '\r\u001b[2K'

/** Runs `work`; that it is waited for is shown on standard error once it takes over a second. */
export async function waiting<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now()
  const isTerminal = process.stderr.isTTY === true
  let isDrawn = false
  let timer = setTimeout(function again() {
    const text = `${what} … ${Math.round((performance.now() - startMs) / 1000)} s`
    process.stderr.write(isTerminal ? `${CLEAR_LINE}${text}` : `${text}\n`)
    isDrawn = true
    timer = setTimeout(again, isTerminal ? EVERY_MS : PLAIN_EVERY_MS)
  }, FIRST_MS)
  try {
    return await work()
  } finally {
    clearTimeout(timer)
    if (isDrawn && isTerminal) process.stderr.write(CLEAR_LINE)
  }
}
