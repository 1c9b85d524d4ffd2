import { homedir } from 'node:os'
import { posix, win32 } from 'node:path'

/** What decides where settings belong; the process's own by default. */
export interface AppEnvironment {
  readonly platform: NodeJS.Platform
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly home: string
}

/**
 * The folder for a person's Countersign settings, which need not exist yet: `$XDG_CONFIG_HOME/countersign` or
 * `~/.config/countersign` (XDG Base Directory), `%APPDATA%\countersign`, `~/Library/Application Support/countersign`.
 */
export function configFolder(environment: AppEnvironment = ownEnvironment()): string {
  const { platform, variables, home } = environment
  if (platform === 'win32') {
    return win32.join(variables.APPDATA ?? win32.join(home, 'AppData', 'Roaming'), 'countersign')
  }
  const xdg = variables.XDG_CONFIG_HOME
  // The specification says that relative paths are to be ignored.
  if (xdg !== undefined && posix.isAbsolute(xdg)) return posix.join(xdg, 'countersign')
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'countersign')
  return posix.join(home, '.config', 'countersign')
}

function ownEnvironment(): AppEnvironment {
  return { platform: process.platform, variables: process.env, home: homedir() }
}
