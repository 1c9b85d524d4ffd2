import { errnoOf } from '@countersign/local/errors/errno.ts'
import { CommanderError } from 'commander'
import { buildProgram, type Run } from './main/program.ts'
import { explainError } from './output/errorRow.ts'
import { outputError, outputErrors } from './output/errors.ts'
import { openTerminal, type Terminal } from './output/terminal.ts'

/**
 * Runs one command of `countersign` and returns its exit code: 0 done, 1 refused, 2 unavailable or cannot tell, 64 usage,
 * 70 broken. Never exits the process itself.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController()
  const run: Run = { signal: stop.signal, exit: 0 }
  // Once: a second Ctrl-C ends the process the hard way.
  const onInterrupt = () => stop.abort(outputError('cli.stopped', 'stopped by Ctrl-C'))
  process.once('SIGINT', onInterrupt)
  // Whoever reads the output may have enough of it, as `head` does; that is no failure of ours.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe)
  const program = buildProgram(run)
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride().showHelpAfterError('Add --help to see how it is used.')
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return run.exit
  } catch (error) {
    return await fail(stop.signal.aborted ? stop.signal.reason : error, run, argv)
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

function ignoreClosedPipe(error: Error): void {
  if (errnoOf(error) !== 'EPIPE') throw error
}

async function fail(error: unknown, run: Run, argv: readonly string[]): Promise<number> {
  const terminal = run.terminal ?? openTerminal({ json: argv.includes('--json'), signal: run.signal })
  if (error instanceof CommanderError) return misuse(error, terminal)
  const { code, message, whatToDo, exit } = await explainError(error)
  terminal.result({ error: { code, message, whatToDo } })
  terminal.note(`countersign: ${message} (${code})`)
  terminal.note(whatToDo)
  // For whoever reports the defect; a stack is of no use to anybody else.
  if (exit === 70 && error instanceof Error && process.env.DEBUG) terminal.note(String(error.stack))
  return exit
}

/** Commander has already written for people: help and version, which are no errors, or what was wrong. */
function misuse({ exitCode, message }: CommanderError, terminal: Terminal): number {
  if (exitCode === 0) return 0
  terminal.result({ error: { code: 'cli.usage', message, whatToDo: outputErrors['cli.usage'].sentence } })
  return 64
}
