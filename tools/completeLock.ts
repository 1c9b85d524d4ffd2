/** `node tools/completeLock.ts`, after a change of dependencies: completes package-lock.json for the platforms that npm left out. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { completeLock, missingOptional } from './lockfile.ts'
import { treeRoot } from './tidy/tree.ts'

const file = path.join(treeRoot, 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8'))
for (const { key, version } of missingOptional(lock)) console.log(`adding ${key} ${version}`)
writeFileSync(file, `${JSON.stringify(completeLock(lock), null, 2)}\n`)
