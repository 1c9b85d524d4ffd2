import type { z } from 'zod'
import { configError } from './errors.ts'

/** Where the values of options come from. */
export interface OptionSources {
  /** What was given on the command line, by camelCase name. Wins. */
  readonly flags: Readonly<Record<string, unknown>>
  /** Default: the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

const PREFIX = 'COUNTERSIGN_'

/**
 * Reads a program's options: `--public-url` from the command line, else `COUNTERSIGN_PUBLIC_URL`, else the schema's default.
 * Secrets are no options: they come from files. Throws `config.invalid`, which names the option and not its value.
 */
export function readOptions<Schema extends z.ZodObject>(schema: Schema, sources: OptionSources): z.output<Schema> {
  const environment = sources.environment ?? process.env
  const names = Object.keys(schema.shape)
  const given = names.map((name) => [name, sources.flags[name] ?? environment[variableOf(name)]] as const)
  const parsed = schema.safeParse(Object.fromEntries(given.filter(([, value]) => value !== undefined)))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const name = String(issue?.path[0] ?? '')
  const spoken = sources.flags[name] === undefined && environment[variableOf(name)] !== undefined
  const label = spoken ? variableOf(name) : flagOf(name)
  throw configError('config.invalid', `${label}: ${issue?.message ?? 'invalid'}`)
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function variableOf(name: string): string {
  return PREFIX + name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}
