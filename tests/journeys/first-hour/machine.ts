import { chownSync, copyFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { User } from '../../../tools/unprivilegedUser.ts'
import { Terminal } from './terminal.ts'

/** A machine with one person at it. */
export interface Machine {
  readonly home: string
  /** The terminal that is open from the beginning. */
  readonly desk: Terminal
  /** Opens another terminal, or gives one that is open. */
  terminal(name: string): Terminal
  /** The terminals so far, by name. */
  readonly terminals: ReadonlyMap<string, Terminal>
  /** Puts a file into the person's home, as theirs, with its mode. */
  bring(file: string, name: string): void
  close(): void
}

/** What a machine is. */
export interface MachineOptions {
  readonly name: string
  readonly namespace: string
  /** Folder for the person's home. */
  readonly folder: string
  readonly user: User
  /** Where programs are found at first. */
  readonly path: string
  /** What npm is configured with. */
  readonly npmSettings: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Sets up the home of somebody without privileges, and opens the first terminal. */
export function newMachine({
  name,
  namespace,
  folder,
  user,
  path: searchPath,
  npmSettings,
  env,
}: MachineOptions): Machine {
  const home = path.join(folder, name.replaceAll(' ', '-'))
  const scripts = path.join(folder, `${path.basename(home)}-typed`)
  const temporary = path.join(folder, `${path.basename(home)}-tmp`)
  for (const one of [home, scripts, temporary]) {
    mkdirSync(one, { mode: 0o700 })
    chownSync(one, user.uid, user.gid)
  }
  const settings = path.join(home, '.npmrc')
  writeFileSync(settings, `${npmSettings.join('\n')}\n`)
  chownSync(settings, user.uid, user.gid)
  const basic = { HOME: home, TMPDIR: temporary, LANG: 'C.UTF-8', TERM: 'dumb', ...env }
  const seat = { namespace, ...user, scripts }
  const terminals = new Map<string, Terminal>()
  // A shell that starts after the folder was made finds it, as the profile of Debian and others has it.
  const later = { ...basic, PATH: `${home}/.local/bin:${searchPath}` }
  const desk = new Terminal('desk', { ...seat, env: { ...basic, PATH: searchPath } })
  return {
    home,
    desk,
    terminals,
    terminal(one) {
      const known = terminals.get(one)
      if (known !== undefined) return known
      const made = new Terminal(one, { ...seat, env: later })
      terminals.set(one, made)
      return made
    },
    bring(file, target) {
      const at = path.join(home, target)
      mkdirSync(path.dirname(at), { recursive: true })
      copyFileSync(file, at)
      for (const one of [at, path.dirname(at)])
        if (one !== home && statSync(one).uid === 0) chownSync(one, user.uid, user.gid)
    },
    close() {
      for (const one of terminals.values()) one.close()
      desk.close()
    },
  }
}
