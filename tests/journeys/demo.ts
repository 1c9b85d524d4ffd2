/** `npm run demo`. */
import { runDemo } from './mainJob.ts'

await runDemo()
