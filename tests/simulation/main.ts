import './pendingWork.ts'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { SimulationOptions, SimulationResult } from './simulate.ts'

const SEEDS = new URL('seeds.txt', import.meta.url)
const NEW_SEEDS = 3
const MAX_SHOWN = 20

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    devices: { type: 'string', default: '100' },
    hours: { type: 'string', default: '24' },
    honest: { type: 'boolean', default: false },
    /** Only the worlds of `seeds.txt`. */
    kept: { type: 'boolean', default: false },
    /** Lives through each world twice, which has to tell the same story. */
    twice: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** A folder for what was seen in each world, line by line: <seed>.txt. */
    stories: { type: 'string' },
  },
})

/** One line of `seeds.txt`: a seed with the world it failed in. */
function keptWorlds(): SimulationOptions[] {
  return readFileSync(SEEDS, 'utf8')
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [seed = '', devices = '100', hours = '24', weather] = line.split(/\s+/)
      return { seed: Number(seed), devices: Number(devices), hours: Number(hours), honest: weather === 'honest' }
    })
}

function newWorlds(): SimulationOptions[] {
  const { devices, hours } = values
  const world = (honest: boolean): SimulationOptions => ({
    seed: Math.floor(Math.random() * 2 ** 32),
    devices: Number(devices),
    hours: Number(hours),
    honest,
  })
  return [...Array.from({ length: NEW_SEEDS - 1 }, () => world(false)), world(true)]
}

function chosenWorlds(): SimulationOptions[] {
  const { seed, devices, hours, honest } = values
  if (seed === undefined) return values.kept ? keptWorlds() : [...keptWorlds(), ...newWorlds()]
  return [{ seed: Number(seed), devices: Number(devices), hours: Number(hours), honest }]
}

/** Keeps the seed of a world that failed, so that every later run lives through it again. */
function keep({ seed, devices, hours, honest }: SimulationOptions): void {
  const line = `${seed} ${devices} ${hours} ${honest ? 'honest' : 'stormy'}`
  const kept = readFileSync(SEEDS, 'utf8')
  if (!kept.split('\n').includes(line)) writeFileSync(SEEDS, `${kept}${line}\n`)
}

function report(result: SimulationResult): void {
  if (values.stories !== undefined) {
    mkdirSync(values.stories, { recursive: true })
    writeFileSync(join(values.stories, `${result.seed}.txt`), `${result.story.lines().join('\n')}\n`)
  }
  if (values.json) {
    return void process.stdout.write(`${JSON.stringify({ ...result, story: result.story.digest() })}\n`)
  }
  const { seed, devices, hours, honest, violations, versions, advisories, starts, recalls, tookMs } = result
  const world = `seed ${seed}: ${devices} devices, ${hours} ${honest ? 'honest' : 'stormy'} hours`
  const told = `story ${result.story.digest().slice(0, 12)}`
  const life = `${versions} versions, ${advisories} advisories, ${starts} starts, ${recalls} recalls`
  process.stdout.write(`${world}: ${life}, ${violations.length} violations, ${told} (${Math.round(tookMs / 1000)} s)\n`)
  for (const { atMs, property, detail } of violations.slice(0, MAX_SHOWN)) {
    process.stdout.write(`  at ${(atMs / 3_600_000).toFixed(2)} h: ${property}: ${detail}\n`)
  }
}

/** Whether the world, lived through again, told what it told before; else the first difference is printed. */
async function tellsTheSame(world: SimulationOptions, before: SimulationResult): Promise<boolean> {
  const [first, second] = [before.story.lines(), (await simulate(world)).story.lines()]
  const at = Array.from({ length: Math.max(first.length, second.length) }).findIndex((_, i) => first[i] !== second[i])
  if (at < 0) return true
  process.stderr.write(`seed ${world.seed} told two stories: line ${at}: ${first[at]}\n  and then: ${second[at]}\n`)
  return false
}

const { simulate } = await import('./simulate.ts')
let failed = false
for (const world of chosenWorlds()) {
  if (!values.json) process.stdout.write(`seed ${world.seed} begins\n`)
  const result = await simulate(world)
  report(result)
  if (values.twice && !(await tellsTheSame(world, result))) failed = true
  if (result.violations.length === 0) continue
  failed = true
  keep(world)
  process.stderr.write(
    `again: npm run simulate -- --seed ${world.seed} --devices ${world.devices} --hours ${world.hours}${world.honest ? ' --honest' : ''}\n`,
  )
}
process.exit(failed ? 1 : 0)
