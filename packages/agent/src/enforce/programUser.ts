import { lstatSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { enforceError } from './errors.ts'

/** Whom programs run as. */
export interface ProgramUser {
  readonly uid: number
  readonly gid: number
}

/** The user that owns nothing, on every Unix. */
const NOBODY: ProgramUser = { uid: 65_534, gid: 65_534 }

/**
 * Whom programs run as: `asked` (a name of /etc/passwd, or `uid:gid`); where the agent is root and nobody was asked for, the
 * user `nobody` if it can reach `folder`; else the agent's own user (undefined), which then could change its own files:
 * `status` says so. Throws `enforce.not-started` for a name that is not known.
 */
export function programUser(asked: string | undefined, folder: string): ProgramUser | undefined {
  if (asked !== undefined) return namedUser(asked)
  if (process.getuid?.() !== 0) return undefined
  return isReachable(folder) ? NOBODY : undefined
}

function namedUser(asked: string): ProgramUser {
  const [, uid, gid] = /^(\d{1,9}):(\d{1,9})$/.exec(asked) ?? []
  if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${asked}:`))
  const [, , userId, groupId] = line?.split(':') ?? []
  if (userId === undefined) throw enforceError('enforce.not-started', `there is no user ${asked}`)
  return { uid: Number(userId), gid: Number(groupId) }
}

/** Others may pass through every folder above. */
function isReachable(folder: string): boolean {
  for (let path = resolve(folder); ; path = dirname(path)) {
    if ((lstatSync(path).mode & 0o001) === 0) return false
    if (dirname(path) === path) return true
  }
}
