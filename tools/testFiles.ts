import { globSync } from 'node:fs'

const patterns = [
  'packages/*/src/**/*.test.ts',
  'tools/**/*.test.ts',
  'docs/**/*.test.ts',
  'tests/{vectors,interop,support,planted}/**/*.test.ts',
  'tests/{journeys,faults}/*.test.ts',
]

/** What `npm test` runs below `root`: every test that needs neither root nor another language's programs. Sorted, with forward slashes. */
export function testFiles(root: string): string[] {
  return globSync(patterns, { cwd: root })
    .map((name) => name.replaceAll('\\', '/'))
    .sort()
}
