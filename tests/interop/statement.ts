import { hash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** The one type of predicate of which every program writes statements. */
export const predicateType = 'https://slsa.dev/provenance/v1'

/** Text that stands once in every statement, and another of the same length. */
export const statedText = { sound: 'https://interop.example/build', changed: 'https://interop.example/guild' }

const predicate = {
  buildDefinition: { buildType: statedText.sound, externalParameters: {} },
  runDetails: { builder: { id: 'https://interop.example/machine' } },
}

/** Writes the predicate beside a file, for programs that make the statement themselves. Returns its name. */
export function writePredicate(file: string): string {
  writeFileSync(`${file}.predicate.json`, JSON.stringify(predicate))
  return `${file}.predicate.json`
}

/** Writes an in-toto statement v1 about a file beside it, for programs that take it whole. Returns its name. */
export function writeStatement(file: string): string {
  const subject = [{ name: path.basename(file), digest: { sha256: hash('sha256', readFileSync(file)) } }]
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }
  writeFileSync(`${file}.statement.json`, JSON.stringify(statement))
  return `${file}.statement.json`
}
