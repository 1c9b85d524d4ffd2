import { cpSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { countersign } from '../../support/programs.ts'
import type { Outcome } from './badInput.ts'
import { outcomeOf } from './commands.ts'
import type { FakeClock } from './fakeClock.ts'
import type { Place } from './state.ts'

/** One person's machine: `countersign` with settings of its own. */
export interface Client {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  /** Where it keeps what it knows. */
  readonly config: string
  /** Runs `countersign <arguments> --json`. */
  run(...command: readonly string[]): Promise<Outcome>
  /** The same with a clock that is `offset` off, for example `+1h`. */
  runAt(offset: string, ...command: readonly string[]): Promise<Outcome>
}

/** The machines of the test, below one folder. */
export interface Clients {
  readonly place: Place
  /** A machine that knows what `original` knows, or nothing. */
  make(name: string, original?: Client): Client
}

/** Makes machines below `folder`; all they ever keep is state. */
export function makeClients(folder: string, fakeClock: FakeClock): Clients {
  return {
    place: { name: 'clients', folder, kind: 'client' },
    make(name, original) {
      const home = path.join(folder, name)
      mkdirSync(home, { recursive: true })
      const settings = path.join(home, '.config')
      const config = path.join(settings, 'countersign')
      if (original) cpSync(original.config, config, { recursive: true })
      const env = { HOME: home, XDG_CONFIG_HOME: settings, APPDATA: home }
      const run = (more: Readonly<Record<string, string>>, command: readonly string[]) =>
        outcomeOf([...countersign, ...command, '--json'], { ...env, ...more })
      return {
        name,
        env,
        config,
        run: (...command) => run({}, command),
        runAt: (offset, ...command) => run(fakeClock(offset), command),
      }
    },
  }
}
