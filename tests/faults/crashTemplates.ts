import { existsSync, renameSync } from 'node:fs'
import path from 'node:path'
import { type Client, logEntry, newEntry } from './crashClient.ts'
import { makeTravelling } from './crashEstablish.ts'
import { judge } from './crashJudge.ts'
import { type Lane, type Order, Site } from './crashSite.ts'
import { doOneOfEach, kill, live } from './crashStrike.ts'

/** Enough for one full tile, whose partial tiles the next start clears away. */
const filledEntries = 270
const filledTogether = 30

/** Kills that leave the next start something to repair, the most first. */
const wounds = {
  'wounded-in-a-round': { point: 'log.commit:after', passing: 3 },
  'wounded-in-a-certificate': { point: 'trust.certificate-intent:after', passing: 1 },
  'wounded-in-an-audit-entry': { point: 'account.audit-intent:after', passing: 2 },
  'wounded-in-clearing-up': { point: 'log.discard:before', passing: 2 },
} as const satisfies Record<string, Order>

/**
 * What a strike begins with: nothing, an instance that works and has ended properly, one that was killed, or one with a
 * validator and a device that have worked.
 */
export type TemplateName = 'nothing' | 'whole' | 'travelling' | keyof typeof wounds

/** The instances that a start can find. */
export const startable: readonly TemplateName[] = [...(Object.keys(wounds) as (keyof typeof wounds)[]), 'whole']

/** A copy of a template under `name`, in the place of what is there. The template itself is made once in each lane. */
export async function copyOf(lane: Lane, template: TemplateName, name: string): Promise<Site> {
  if (template === 'nothing') return Site.fresh(lane, name)
  const isMade = existsSync(path.join(lane.folder, template))
  return (isMade ? new Site(lane, template) : await make(lane, template)).copyTo(name)
}

/** It appears under its name only when it is complete. */
async function make(lane: Lane, template: Exclude<TemplateName, 'nothing'>): Promise<Site> {
  const isFirst = template === 'whole' || template === 'travelling'
  const making = await copyOf(lane, isFirst ? 'nothing' : 'whole', `${template}-making`)
  if (template === 'whole') await live(making, fill)
  if (template === 'travelling') await makeTravelling(making)
  if (isFirst) await mustBeFaultless(making)
  else await kill(making, 'load', wounds[template])
  renameSync(making.folder, path.join(lane.folder, template))
  return new Site(lane, template)
}

/** Fills last: among what is done before is the job that clears partial tiles away. */
async function fill(client: Client): Promise<void> {
  await doOneOfEach(client)
  for (let done = 0; done < filledEntries; done += filledTogether) {
    await Promise.all(Array.from({ length: filledTogether }, () => logEntry(client, newEntry())))
  }
}

/** Judges a site on which nothing was killed; whatever is wrong there is no crash's doing. */
export async function mustBeFaultless(site: Site): Promise<void> {
  const faults = await judge(site)
  if (faults.length > 0) throw new Error(`without any crash:\n${faults.map(({ message }) => message).join('\n')}`)
}
