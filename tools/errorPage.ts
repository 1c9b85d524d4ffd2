/** `node tools/errorPage.ts --write`: makes docs/errors.md from the error tables, so that the page cannot drift from the code. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { outputErrors } from '../packages/cli/src/output/errors.ts'
import { anchorsErrors } from '../packages/local/src/anchors/errors.ts'
import { feedErrors } from '../packages/local/src/feed/errors.ts'
import { decideErrors } from '../packages/protocol/src/decide/errors.ts'
import type { ErrorTable } from '../packages/protocol/src/errors/codedError.ts'
import { serverErrors } from '../packages/server/src/compose/serverErrors.ts'

const file = path.join(import.meta.dirname, '..', 'docs', 'errors.md')

const HEAD = `# Error codes

Made from the code by \`tools/errorPage.ts\`. Every refusal has a code; HTTP answers carry it as problem JSON (RFC 9457) with \`code\` and \`message\`, commands print it and
exit with 0 (done), 1 (refused, or the answer is no), 2 (unavailable, or cannot tell), 64 (usage) or 70 (broken).
*Refused* is the caller's doing, *unavailable* may succeed later, *broken* is an invariant that failed: restart, and look at the log.

| code | kind | HTTP | exit | what to do |
|---|---|---|---|---|
`

/** The page as it should be. */
export function errorPage(): string {
  const all: ErrorTable = { ...decideErrors, ...anchorsErrors, ...feedErrors, ...outputErrors, ...serverErrors }
  const rows = Object.keys(all)
    .sort()
    .map((code) => {
      const row = all[code]
      return (
        row && `| \`${code}\` | ${row.kind} | ${row.status} | ${row.exit} | ${row.sentence.replaceAll('|', '\\|')} |\n`
      )
    })
  return HEAD + rows.join('')
}

/** The page as it is. */
export function writtenErrorPage(): string {
  return readFileSync(file, 'utf8')
}

if (process.argv.includes('--write')) writeFileSync(file, errorPage())
