import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { errnoOf } from '../errors/errno.ts'

/** Writes `text` to a file of the kernel's own (control groups). Nothing becomes durable. True where the kernel took it. */
export function writeControl(path: string, text: string): boolean {
  return attempted(() => writeFileSync(path, text, { flag: 'r+' }))
}

/** Makes a folder in a file system of the kernel's own. True where it is there afterwards. */
export function makeControlFolder(path: string): boolean {
  return attempted(() => mkdirSync(path)) || existsSync(path)
}

/** Removes a folder of the kernel's own, which has to be unused. True where it is gone. */
export function removeControlFolder(path: string): boolean {
  return attempted(() => rmdirSync(path)) || !existsSync(path)
}

/** The kernel says no by an errno: the caller then has another way. Everything else is a defect. */
function attempted(work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    return false
  }
}
