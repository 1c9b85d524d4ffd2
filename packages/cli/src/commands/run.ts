import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { configFolder } from '@countersign/local/files/appDirs.ts'
import { runArtifact } from 'countersign-agent/run/run.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'

/** What `countersign run` takes. */
export interface RunOptions {
  readonly bundle?: string
  readonly certification?: readonly string[]
  readonly port?: string
  readonly user?: string
  readonly instance?: string
}

/**
 * `countersign run`: verifies an artifact, runs its program in the foreground and stops it when trust in it ends. Returns the
 * program's own exit code, or 128 and the number of the signal that ended it.
 */
export async function run(
  [artifact = '', ...args]: readonly string[],
  { bundle, certification = [], port, user, instance }: RunOptions,
  terminal: Terminal,
): Promise<number> {
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw outputError('cli.usage', `${port} is no port`)
  }
  return runArtifact({
    artifact,
    certifications: certification,
    anchors: await openAnchors(instance),
    config: configFolder(),
    args,
    clock: systemClock,
    signal: terminal.signal,
    note: (text) => terminal.note(`countersign: ${text}`),
    ...(bundle !== undefined && { bundle }),
    ...(port !== undefined && { port: Number(port) }),
    ...(user !== undefined && { user }),
  })
}
