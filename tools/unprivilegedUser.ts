import { spawnSync } from 'node:child_process'

/** Somebody on this machine. */
export interface User {
  readonly uid: number
  readonly gid: number
}

const userName = 'countersign-ci'

/** The user to do things as that need no privileges: made when it is missing and this is root; otherwise whoever this is. */
export function unprivilegedUser(): User {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  if (own.uid !== 0) return own
  if (idOf('-u') === undefined) {
    const made = spawnSync('useradd', ['--create-home', '--shell', '/bin/sh', userName], { stdio: ['ignore', 2, 2] })
    if (made.status !== 0) throw new Error(`could not make the user ${userName}`)
  }
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  if (uid === undefined || gid === undefined || uid === 0) throw new Error('an unprivileged user is needed')
  return { uid, gid }
}

function idOf(flag: '-u' | '-g'): number | undefined {
  const run = spawnSync('id', [flag, userName], { encoding: 'utf8' })
  return run.status === 0 ? Number(run.stdout) : undefined
}
