/** `npm run demo`: the replay, in a new folder, step by step. */
import { runDemo } from './runDemo.ts'

await runDemo(process.argv.slice(2))
