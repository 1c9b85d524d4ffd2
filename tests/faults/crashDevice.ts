import { readdirSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import type { Site } from './crashSite.ts'

/** A process that runs on the device for a release. */
export interface RunningRelease {
  readonly pid: number
  /** Of the artifact, hexadecimal. */
  readonly sha256: string
}

/** Every process whose working folder is a release of the site's device, whoever knows of it. */
export function runningOn(site: Site): RunningRelease[] {
  const releases = path.join(site.deviceFolder, 'releases')
  return readdirSync('/proc').flatMap((name): RunningRelease[] => {
    if (!/^\d+$/.test(name)) return []
    const [sha256, rest] = path.relative(releases, workingFolder(name)).split(path.sep)
    return rest === 'files' && sha256 !== undefined && sha256 !== '..' ? [{ pid: Number(name), sha256 }] : []
  })
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // It has ended, or belongs to the kernel.
    return '/'
  }
}
