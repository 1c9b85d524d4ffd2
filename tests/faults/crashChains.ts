import { type Client, policyDigest } from './crashClient.ts'
import { Crew, type CrewOrders, type CrewRole } from './crashCrew.ts'
import { baseOf, establish } from './crashEstablish.ts'
import type { Fault } from './crashFault.ts'
import { Developer, playRound, prepareRound } from './crashJourney.ts'
import { judge } from './crashJudge.ts'
import { operate } from './crashOperator.ts'
import { type Lane, lineOf, type Order, type Site } from './crashSite.ts'
import { copyOf } from './crashTemplates.ts'

/**
 * Many kills in one life: along the journey each process is killed at one point after the other, and goes on. That is stricter
 * than one kill each, and hundreds of journeys from their beginning would take hours.
 */
export interface Chain {
  /** `enrolling`: validator and device come into being. `travelling`: everything after that. */
  readonly stage: 'enrolling' | 'travelling'
  readonly orders: CrewOrders
}

/** How often a chain may play on to get to its last points. */
const rounds = 3
/** Points that a journey passes so often are struck later in a process's life as well. */
const oftenPassed = 12
const laterPassing = 3

/** How often each role passed each crash point, while everything came into being and on a whole journey after that. */
export interface WatchedJourney {
  readonly enrolling: Passings
  readonly travelling: Passings
}

type Passings = Readonly<Record<CrewRole, ReadonlyMap<string, number>>>

/** Watches what chains are planned by. */
export async function watchJourney(lane: Lane): Promise<WatchedJourney> {
  const site = await copyOf(lane, 'travelling', 'run')
  const enrolling = passingsOf(site)
  site.forgetPassings()
  await travel(site, { rounds: 1, orders: {} })
  return { enrolling, travelling: passingsOf(site) }
}

function passingsOf(site: Site): Passings {
  return { server: site.passings('server'), validator: site.passings('validator'), agent: site.passings('agent') }
}

/** Plans to strike every point of the journey; of the server's those that are not in `known`, which are struck elsewhere. */
export function planChains({ enrolling, travelling }: WatchedJourney, known: ReadonlySet<string>): Chain[] {
  const server = ordersOf(travelling.server).filter(({ point }) => !known.has(nameOf(point)))
  const [validator, agent] = [ordersOf(travelling.validator), ordersOf(travelling.agent)]
  const onlyThen = (role: 'validator' | 'agent') =>
    [...enrolling[role].keys()]
      .filter((point) => !travelling[role].has(point))
      .map((point): Order => ({ point, passing: 1 }))
  return [
    ...halves(server).map((orders): Chain => ({ stage: 'travelling', orders: { server: orders } })),
    ...halves(validator).map((orders): Chain => ({ stage: 'travelling', orders: { validator: orders } })),
    { stage: 'travelling', orders: { agent } },
    { stage: 'enrolling', orders: { validator: onlyThen('validator'), agent: onlyThen('agent') } },
  ]
}

function ordersOf(passed: ReadonlyMap<string, number>): Order[] {
  return [...passed].flatMap(([point, count]) => [
    { point, passing: 1 },
    ...(count >= oftenPassed ? [{ point, passing: laterPassing }] : []),
  ])
}

/** The name of a point without its side. */
export function nameOf(point: string): string {
  return point.replace(/:(?:before|after)$/, '')
}

/** Alternately, so that both sides of one point are struck in different lives. */
function halves<T>(all: readonly T[]): readonly (readonly T[])[] {
  return [0, 1].map((rest) => all.filter((_, at) => at % 2 === rest))
}

/** The orders of a chain, with whom they kill. */
export function blowsOf({ orders }: Chain): { readonly role: string; readonly order: Order }[] {
  return Object.entries(orders).flatMap(([role, given]) => given.map((order) => ({ role, order })))
}

/** Lives through a chain and judges what is left. Nobody is judged between two kills: what one loses, nothing brings back. */
export async function strikeChain(
  lane: Lane,
  { stage, orders }: Chain,
  inspect: (site: Site, client: Client) => Promise<void>,
): Promise<Fault[]> {
  const site = await copyOf(lane, stage === 'enrolling' ? 'nothing' : 'travelling', 'run')
  const unreached =
    stage === 'enrolling' ? await establish(site, orders) : await travel(site, { rounds, orders }, inspect)
  const missed = unreached.map(({ order }): Fault => ({ kind: 'broken', message: `${lineOf(order)} was not reached` }))
  return [...missed, ...(await judge(site))]
}

interface Travel {
  readonly rounds: number
  readonly orders: CrewOrders
}

/** Plays rounds until every order was obeyed. Resolves with those that were not. */
async function travel(site: Site, { rounds, orders }: Travel, inspect?: (site: Site, client: Client) => Promise<void>) {
  const crew = await Crew.assemble(site, orders)
  try {
    const developer = await Developer.invite(crew)
    const operates = orders.validator === undefined && orders.agent === undefined
    for (let round = 1; round <= rounds && (round === 1 || crew.waiting().length > 0); round += 1) {
      const products = await prepareRound(crew, developer, baseOf(site), round)
      await playRound(crew, developer, products)
      if (operates) await operate(crew, developer, products.waiting)
    }
    const unreached = crew.waiting()
    const client = await crew.renewClient()
    crew.journal.write({ what: 'done', fact: 'policy', value: policyDigest(client.anchors) })
    await inspect?.(site, client)
    await crew.end()
    return unreached
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${why}\n${crew.output()}`, { cause: error })
  } finally {
    await crew.kill()
  }
}
