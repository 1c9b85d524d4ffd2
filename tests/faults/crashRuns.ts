import { setTimeout as sleep } from 'node:timers/promises'
import type { Crew } from './crashCrew.ts'
import { runningOn } from './crashDevice.ts'
import type { Site } from './crashSite.ts'

/** Several deaths may come in between, on processors that others use as well. */
const withinMs = 300_000
const lookEveryMs = 50

/**
 * Waits until the program of the device answers as `version`, and nothing else of the product runs. The agent is started anew
 * at first and now and then, because it asks for news of releases when it starts, and else only now and then.
 */
export async function runsOnly(crew: Crew, { version, sha256 }: { version: string; sha256: string }): Promise<void> {
  const deadline = Date.now() + withinMs
  for (let look = 0; Date.now() < deadline; look += 1) {
    await crew.agent.up()
    const [running, ...others] = runningOn(crew.site)
    const isAlone = running?.sha256 === sha256 && others.length === 0
    if (isAlone && (await answer(crew.site)) === version) return
    if (look % 200 === 199) await crew.agent.bounce()
    await sleep(lookEveryMs)
  }
  const running = JSON.stringify(runningOn(crew.site))
  throw new Error(`the device does not run ${version} alone; it runs ${running}\n${crew.output()}`)
}

async function answer({ lane }: Site): Promise<string | undefined> {
  try {
    const reply = await fetch(`http://127.0.0.1:${lane.devicePort}`, { signal: AbortSignal.timeout(2000) })
    return ((await reply.json()) as { version: string }).version
  } catch {
    return undefined
  }
}
