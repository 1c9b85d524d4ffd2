import { CommanderError } from 'commander'
import { buildProgram } from './main/program.ts'

/**
 * Runs `countersign-agent` with these arguments (without program names). Resolves with the exit code: 0 done, 1 refused,
 * 2 unavailable, 64 usage, 70 broken.
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 64
    const { reportFailure } = await import('./main/reportFailure.ts')
    return reportFailure(error, argv.includes('--json'))
  }
}
