import { mustRun } from '../../support/runProgram.ts'

/** Environment for programs whose clock is to be off. */
export type FakeClock = (offset: string) => Readonly<Record<string, string>>

/**
 * Debian's `faketime`, without its wrapper: that would stand between a test and the server that it stops.
 * The offset is as `faketime -f` takes it, for example `-1h`. Rejects where `faketime` is missing or does nothing.
 */
export async function findFakeClock(): Promise<FakeClock> {
  const { stdout } = await mustRun(['faketime', '-f', '-1h', 'printenv', 'LD_PRELOAD']).catch((cause: unknown) => {
    throw new Error('needs faketime: apt-get install faketime', { cause })
  })
  const clock: FakeClock = (offset) => ({ LD_PRELOAD: stdout.trim(), FAKETIME: offset })
  const { stdout: seconds } = await mustRun([process.execPath, '-p', 'Date.now() / 1000'], { env: clock('-1h') })
  const offBySeconds = Date.now() / 1000 - Number(seconds)
  if (Math.abs(offBySeconds - 3600) < 60) return clock
  throw new Error(`faketime moves the clock of Node.js by ${offBySeconds} seconds in place of an hour`)
}
