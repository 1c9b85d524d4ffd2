/** `node tools/run.cjs tools/requirements.ts [--write]`: prints the table of states, or writes it into the README. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { readRequirements, statusTable, withStatusTable } from './requirementRows.ts'
import { treeRoot } from './tidy/tree.ts'

const rows = readRequirements(readFileSync(path.join(treeRoot, 'docs', 'requirements.md'), 'utf8'))
const readme = path.join(treeRoot, 'README.md')
if (process.argv.includes('--write')) writeFileSync(readme, withStatusTable(readFileSync(readme, 'utf8'), rows))
else console.log(statusTable(rows))
