/** `npm run demo:stop`: ends what `npm run demo -- --keep` left running, and removes its folder. */
import { rmSync } from 'node:fs'
import { isAlive } from './device.ts'
import { forgetKeptDemo, readKeptDemo } from './keptDemo.ts'

const WAIT_MS = 20_000

const { processes, folder } = readKeptDemo(process.argv[2])
for (const pid of processes) if (isAlive(pid)) process.kill(pid, 'SIGTERM')
const until = Date.now() + WAIT_MS
while (processes.some(isAlive) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50))
const left = processes.filter(isAlive)
if (left.length > 0) throw new Error(`still running: ${left.join(' ')}`)
rmSync(folder, { recursive: true, force: true })
forgetKeptDemo(process.argv[2])
