import { crashPointNames } from '../../tools/tidy/durability.ts'
import { readTree } from '../../tools/tidy/tree.ts'

/** Crash points of the server that no run gets to, and why. One that is passed nevertheless does not belong here. */
export const excusedPoints: Readonly<Record<string, string>> = {
  'outbox.done': 'only a certificate that nobody here intended causes an event; unit tests make one',
  'trust.refused': 'takes a certificate that breaks its own profile after a crash; its unit test makes one',
  'trust.renew-issuing': 'no command renews an issuing authority yet',
  'trust.renew-signer': 'not due before the signer of timestamps is a year old',
}

/** Every crash point that the sources of the server name; the command line and what it keeps have points of their own. */
export function serverPoints(): string[] {
  return crashPointNames(readTree().filter(({ path }) => /^packages\/(?:server|platform)\//.test(path)))
}

/** Points that were neither passed nor excused, and excuses that do not hold. Names are without `:before` and `:after`. */
export function unaccounted(points: readonly string[], passed: ReadonlySet<string>): string[] {
  const missed = points.filter((point) => !passed.has(point) && !(point in excusedPoints))
  const excuses = Object.keys(excusedPoints)
  return [
    ...missed.map((point) => `${point} is in the sources, and nothing here passes it`),
    ...excuses.filter((point) => passed.has(point)).map((point) => `${point} is excused, but it is passed`),
    ...excuses.filter((point) => !points.includes(point)).map((point) => `${point} is excused, but it does not exist`),
  ]
}
