import { readdirSync } from 'node:fs'
import path from 'node:path'

/** A defect that is planted into a copy of the tree, and the test that has to notice it. */
export interface Defect {
  /** What the defect does, as a phrase. */
  readonly what: string
  /** The file it changes, from the root of the tree. */
  readonly file: string
  /** Exact text that stands there once, and what takes its place. */
  readonly before: string
  readonly after: string
  /** The test or the simulated world that must fail, and pass without the defect. */
  readonly caughtBy: CatchingTest | CatchingWorld
}

/** One test of one file. */
export interface CatchingTest {
  readonly file: string
  readonly title: string
}

/** A world of the simulation, as a line of its `seeds.txt`, and the property that does not hold in it. */
export interface CatchingWorld {
  readonly world: string
  readonly property: string
}

/** Puts a defect into the text of its file. Throws where the patch no longer applies. */
export function plant(defect: Defect, text: string): string {
  const count = text.split(defect.before).length - 1
  if (count !== 1) throw new Error(`does not apply: the text stands ${count} times in ${defect.file}`)
  return text.replace(defect.before, () => defect.after)
}

/** All defects, by the name of their file in `defects/`. */
export async function readDefects(): Promise<ReadonlyMap<string, Defect>> {
  const folder = path.join(import.meta.dirname, 'defects')
  const names = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const loaded = names.sort().map(async (name): Promise<[string, Defect]> => {
    const { defect } = (await import(path.join(folder, name))) as { defect: Defect }
    return [path.basename(name, '.ts'), defect]
  })
  return new Map(await Promise.all(loaded))
}
