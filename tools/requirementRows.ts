/** How far a requirement stands: nothing to show, a first honest part, or all of it on real input. */
export type RequirementState = 'open' | 'thin' | 'done'

/** One row of docs/requirements.md. */
export interface Requirement {
  readonly id: string
  readonly text: string
  readonly state: RequirementState
  /** What shows it: `<test file>`, `<test file>: <title of one test>`, or `npm run <script>`. */
  readonly tests: readonly string[]
}

/** Every id that was asked for, by section. */
export const requirementIds: readonly string[] = Object.entries({ A: 9, B: 20, C: 10, D: 4, E: 9, F: 6 }).flatMap(
  ([section, count]) => Array.from({ length: count }, (_, index) => `${section}${index + 1}`),
)

const row = /^\| ([A-F]\d+) \| (.+?) \| (\w+) \| (.*?) ?\|$/gm

/** Reads the rows of docs/requirements.md. */
export function readRequirements(markdown: string): Requirement[] {
  return [...markdown.matchAll(row)].map(([, id = '', text = '', state = '', tests = '']) => ({
    id,
    text,
    state: state as RequirementState,
    tests: [...tests.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
  }))
}

/** What the checks may look at: the tree's files, what `npm test` runs, and what `.ci/run` says. */
export interface RequirementEvidence {
  /** The text of a file of the tree, or undefined where there is none. */
  read(path: string): string | undefined
  readonly testFiles: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
  readonly ci: string
}

/** What is wrong with the rows: ids that are missing or twice, states without tests that run, tests that are gone or skipped. */
export function requirementProblems(rows: readonly Requirement[], evidence: RequirementEvidence): string[] {
  const ids = rows.map(({ id }) => id)
  return [
    ...requirementIds.filter((id) => !ids.includes(id)).map((id) => `${id} is missing`),
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `${id} is there twice`),
    ...ids.filter((id) => !requirementIds.includes(id)).map((id) => `${id} was never asked for`),
    ...rows.flatMap((one) => rowProblems(one, evidence).map((problem) => `${one.id}: ${problem}`)),
  ]
}

function rowProblems({ state, tests }: Requirement, evidence: RequirementEvidence): string[] {
  if (!['open', 'thin', 'done'].includes(state)) return [`no such state: ${state}`]
  if (state !== 'open' && tests.length === 0) return [`${state} without a test`]
  return tests.flatMap((test) => testProblem(test, evidence) ?? [])
}

function testProblem(test: string, evidence: RequirementEvidence): string | undefined {
  const script = /^npm run ([\w:-]+)$/.exec(test)?.[1]
  if (script !== undefined) {
    if (evidence.scripts[script] === undefined) return `no such script: ${script}`
    return evidence.ci.includes(`npm run ${script}`) ? undefined : `.ci/run does not call ${script}`
  }
  const [file = '', title] = test.split(/: (.*)/s)
  const text = evidence.read(file)
  if (text === undefined) return `no such test: ${file}`
  if (!evidence.testFiles.includes(file)) return `npm test does not run ${file}`
  return title === undefined ? undefined : titleProblem(file, text, title)
}

function titleProblem(file: string, text: string, title: string): string | undefined {
  const at = [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``].map((quoted) => text.indexOf(quoted))
  const found = at.find((offset) => offset !== -1)
  if (found === undefined) return `${file} has no test "${title}"`
  const isSkipped =
    /\.(?:skip|todo)\($/.test(text.slice(0, found)) || /^[^\n]{0,200}\{\s*(?:skip|todo):/.test(text.slice(found))
  return isSkipped ? `${file} skips "${title}"` : undefined
}

const sections: Readonly<Record<string, string>> = {
  A: 'Certification',
  B: 'Code signing system',
  C: 'Signing and delivery for devices',
  D: 'Ephemeral keys, logs, contents, provenance',
  E: 'Sigstore, self-hosted',
  F: 'Beyond what exists',
}

/** The table of states for the README. */
export function statusTable(rows: readonly Requirement[]): string {
  const lines = Object.entries(sections).map(([letter, name]) => {
    const of = (state: RequirementState) =>
      rows.filter((one) => one.id.startsWith(letter) && one.state === state).map(({ id }) => id)
    return `| ${letter} | ${name} | ${['done', 'thin', 'open'].map((state) => of(state as RequirementState).join(' ')).join(' | ')} |`
  })
  return ['| | | done | thin | open |', '|---|---|---|---|---|', ...lines]
    .join('\n')
    .replaceAll('|  |', '| |')
    .replaceAll('|  |', '| |')
}

const begin = '<!-- requirements:begin -->'
const end = '<!-- requirements:end -->'

/** The README with the table between its two marks. Throws where the marks are not there. */
export function withStatusTable(readme: string, rows: readonly Requirement[]): string {
  const from = readme.indexOf(begin)
  const until = readme.indexOf(end)
  if (from === -1 || until < from) throw new Error(`the README needs ${begin} and ${end}`)
  return `${readme.slice(0, from + begin.length)}\n${statusTable(rows)}\n${readme.slice(until)}`
}
