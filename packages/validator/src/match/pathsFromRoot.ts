import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'

/** As long as a finding may say. */
const MAX_STEPS = 64

/**
 * Finds shortest ways through a catalogue: the result gives, for a component id, the package URLs from what the artifact
 * itself depends on to the component. One that nothing leads to stands alone; of a longer way the last 64 steps are told.
 */
export function pathsFromRoot({ components, dependencies }: Catalogue): (id: string) => readonly string[] {
  const purls = new Map(components.map(({ id, purl }) => [id, purl]))
  let parents: Map<string, string> | undefined
  return (id) => {
    // Most catalogues have no finding, and then nobody asks.
    parents ??= shortestWays(dependencies)
    const path: string[] = []
    for (
      let at: string | undefined = id;
      at !== undefined && at !== '' && path.length < MAX_STEPS;
      at = parents.get(at)
    ) {
      path.unshift(purls.get(at) ?? '')
    }
    return path
  }
}

/** For each component that the artifact leads to, the one before it on a shortest way. */
function shortestWays(dependencies: Catalogue['dependencies']): Map<string, string> {
  const edges = new Map(dependencies.map(({ from, to }) => [from, to]))
  const parents = new Map<string, string>()
  let frontier = ['']
  while (frontier.length > 0) {
    const next: string[] = []
    for (const from of frontier) {
      for (const to of edges.get(from) ?? []) {
        if (to === '' || parents.has(to)) continue
        parents.set(to, from)
        next.push(to)
      }
    }
    frontier = next
  }
  return parents
}
