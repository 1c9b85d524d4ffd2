import { crashPointNames } from '../../tools/tidy/durability.ts'
import { readTree } from '../../tools/tidy/tree.ts'

/** Crash points that no run gets to, and why. One that is passed nevertheless does not belong here. */
export const excusedPoints: Readonly<Record<string, string>> = {
  'agent.remove-release': 'a device keeps sixteen releases; no journey here makes a seventeenth',
  'anchors.remove': 'only `countersign trust remove` removes anchors, and no program that stays',
  'artifacts.file-removed':
    'takes an upload that nobody submits for a day, or a crash inside of one; its unit test makes both',
  'artifacts.unsubmitted': 'takes an upload that nobody submits for a day; its unit test makes one',
  'feed.evidence': 'takes a log that shows two histories; its unit test makes one',
  'feed.evidence-folder': 'takes a log that shows two histories; its unit test makes one',
  'run.remove': '`countersign run` keeps nothing beyond its own end',
  'scan.advisories-folder': '`countersign scan` keeps what it can fetch again',
  'trust.refused': 'takes a certificate that breaks its own profile after a crash; its unit test makes one',
  'trust.renew-issuing': 'no command renews an issuing authority yet',
  'trust.renew-signer': 'not due before the signer of timestamps is a year old',
  'watch.forged-ended': 'takes a certification that the validator never made; its unit test makes one',
}

/** Every crash point that the sources of server, validator and agent name, and of what they stand on; not the command line's. */
export function programPoints(): string[] {
  return crashPointNames(readTree().filter(({ path }) => /^packages\/(?!cli\/)/.test(path)))
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
