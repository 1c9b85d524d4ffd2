import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { keepDemo } from './keptDemo.ts'
import { DEMO_USAGE, type DemoOptions, readOptions } from './options.ts'
import { type Replay, replay } from './replay.ts'
import { Story } from './story.ts'
import { resultOf, summaryOf } from './summary.ts'

/** Runs the demo as its arguments say. Ends the process with 64 after a mistake in them. */
export async function runDemo(given: readonly string[]): Promise<void> {
  const options = readOrExplain(given)
  if (options === undefined) return
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-demo-'))
  const story = new Story({ silent: options.json })
  try {
    const played = await replay(folder, options, story)
    story.tell('', ...summaryOf(played))
    if (options.keep) leaveRunning(played, story)
    else await stopAll(played)
    if (options.json) console.log(JSON.stringify(resultOf(played, story.steps)))
  } finally {
    if (!options.keep) rmSync(folder, { recursive: true, force: true })
  }
}

function readOrExplain(given: readonly string[]): DemoOptions | undefined {
  try {
    return readOptions(given)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    console.error(`${error.message}\n\n${DEMO_USAGE}`)
    process.exitCode = 64
    return undefined
  }
}

function leaveRunning(played: Replay, story: Story): void {
  const { instance, devices, releases, folder, trustFolder, endedPid } = played
  const running = [instance.process, devices.front.agent, devices.side.agent]
  const processes = running.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  keepDemo({
    folder,
    publicUrl: instance.publicUrl,
    trustedRoot: path.join(trustFolder, 'trusted_root.json'),
    releases: Object.fromEntries(
      Object.values(releases).map(({ version, archive, number }) => [version, { archive, number }]),
    ),
    front: devices.front.url,
    endedPid,
    processes,
  })
  story.tell(
    '',
    `Everything goes on: ${instance.publicUrl}, front ${devices.front.url}, side ${devices.side.url}`,
    'Check it with: npm run demo:check',
    'End it with:   npm run demo:stop',
  )
  // Their handles must not keep this process waiting.
  for (const child of running) child.unref()
}

async function stopAll({ instance, devices }: Replay): Promise<void> {
  await devices.front.stop()
  await devices.side.stop()
  await instance.stop()
}
