import type { JsonValue } from '../json/canonicalJson.ts'
import type { JsonObject } from '../statement/jsonFields.ts'
import { cvss3BaseScore } from './cvss3.ts'

/** How bad a flaw is, in the words of CVSS; `unknown` where nobody said or the score cannot be computed here. */
export type SeverityWord = 'low' | 'medium' | 'high' | 'critical' | 'unknown'

const WORDS: Readonly<Record<string, SeverityWord>> = {
  negligible: 'low',
  low: 'low',
  moderate: 'medium',
  medium: 'medium',
  important: 'high',
  high: 'high',
  critical: 'critical',
}

/**
 * The severity that an OSV record, or one of its affected entries, states: the word of its database where there is one,
 * else the worst of its CVSS 3 vectors (ratings of CVSS v3.1, section 5). Undefined where it says nothing; `unknown` where
 * it only has vectors that are not computed here (CVSS 2 and 4).
 */
export function severityOf(entry: JsonObject): SeverityWord | undefined {
  const word = wordOf(entry.database_specific) ?? wordOf(entry.ecosystem_specific)
  if (word !== undefined) return word
  const vectors = Array.isArray(entry.severity) ? (entry.severity as readonly JsonValue[]) : []
  if (vectors.length === 0) return undefined
  const scores = vectors.slice(0, 100).flatMap((one) => scoreOf(one) ?? [])
  return scores.length === 0 ? 'unknown' : ratingOf(Math.max(...scores))
}

function wordOf(json: JsonValue | undefined): SeverityWord | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
  const { severity } = json as JsonObject
  return typeof severity === 'string' && severity.length < 32 ? WORDS[severity.toLowerCase()] : undefined
}

function scoreOf(json: JsonValue): number | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
  const { type, score } = json as JsonObject
  return type === 'CVSS_V3' && typeof score === 'string' ? cvss3BaseScore(score) : undefined
}

function ratingOf(score: number): SeverityWord {
  if (score >= 9) return 'critical'
  if (score >= 7) return 'high'
  return score >= 4 ? 'medium' : 'low'
}
