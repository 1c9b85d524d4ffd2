import { type Shape, stringShape } from './shape.ts'

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A span of time in a policy: `0`, or a number and one of the units s, m, h, d, as in `30d`. At most 99,999 units. */
export const durationShape: Shape<string> = stringShape(
  'a duration such as "15m" or "30d"',
  /^(?:0|[1-9]\d{0,4}[smhd])$/,
)

/** Milliseconds of a span that `durationShape` has read. */
export function durationMs(duration: string): number {
  if (duration === '0') return 0
  return Number(duration.slice(0, -1)) * unitMs[duration.at(-1) as keyof typeof unitMs]
}

/** A span in words, for people: `30d` is "30 days". */
export function durationWords(duration: string): string {
  if (duration === '0') return 'no time'
  const count = Number(duration.slice(0, -1))
  const word = { s: 'second', m: 'minute', h: 'hour', d: 'day' }[duration.at(-1) as keyof typeof unitMs]
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
