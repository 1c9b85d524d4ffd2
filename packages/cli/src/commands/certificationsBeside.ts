import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const ENDING = '.certification.sigstore.json'
/** Many more than validators that anybody asks for. */
const MAX_FILES = 32

/**
 * The certifications that `submit --wait` has written beside the artifact `name`: one, or one for each validator. The
 * certification of another artifact whose name only begins like this one's is left out.
 */
export async function certificationsBeside(name: string): Promise<string[]> {
  const folder = dirname(name)
  const own = basename(name)
  const names = existsSync(folder) ? await readdir(folder) : []
  const isOwn = (one: string) => {
    if (!one.startsWith(`${own}.`) || !one.endsWith(ENDING)) return false
    const of = one.slice(0, -ENDING.length)
    return of === own || !names.includes(of)
  }
  return names
    .filter(isOwn)
    .sort()
    .slice(0, MAX_FILES)
    .map((one) => join(folder, one))
}
