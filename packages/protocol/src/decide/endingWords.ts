import type { Ending } from './facts.ts'

/**
 * Says for people what ended trust: since when, why, by which record, and what replaces it. Continues a sentence:
 * "was ended on …". Texts of records are shown as they are: they hold no control characters.
 */
export function endingWords(ending: Ending): string {
  const { effect, from, issuedAt, record, advisories, severity, reason, replacement } = ending
  const since =
    effect === 'distrusted' ? `is distrusted from ${time(from ?? issuedAt)}` : `was ended at ${time(issuedAt)}`
  const why = [...advisories, ...(severity === undefined || severity === 'unknown' ? [] : [`severity ${severity}`])]
  return [
    `${since} by record ${record.number} of ${record.origin} (${record.by.join(', ')})`,
    `: ${reason}`,
    why.length > 0 ? ` [${why.join(', ')}]` : '',
    replacement === undefined ? '' : `; use ${replacement}`,
  ].join('')
}

function time(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}
