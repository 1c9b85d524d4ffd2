/**
 * The main job with the packed programs, as a user without privileges: `.ci/run` passes what `tools/installPacked.ts` printed
 * in COUNTERSIGN_PACKED, and its folder in COUNTERSIGN_INSTALLED. The programs start with whatever Node.js the machine has and bring their own where it is too old.
 */
import path from 'node:path'
import { runDemo } from '../demo/runDemo.ts'

const { folder, home, uid, gid } = JSON.parse(process.env.COUNTERSIGN_PACKED ?? '{}')
if (folder === undefined || process.env.COUNTERSIGN_INSTALLED !== folder) {
  throw new Error('COUNTERSIGN_PACKED and COUNTERSIGN_INSTALLED do not say where the programs are installed')
}

process.env.HOME = home
// The programs have their own.
delete process.env.NODE_COMPILE_CACHE
process.env.TMPDIR = home
// Only the machine's own Node.js, not the one that runs this file.
const own = path.dirname(process.execPath)
process.env.PATH = (process.env.PATH ?? '')
  .split(path.delimiter)
  .filter((one) => one !== own)
  .join(path.delimiter)
process.chdir(home)
if (process.getuid?.() === 0) {
  process.setgroups?.([])
  process.setgid?.(gid)
  process.setuid?.(uid)
}
await runDemo([])
