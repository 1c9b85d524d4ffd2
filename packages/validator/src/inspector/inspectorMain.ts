/**
 * The restricted process: one file on standard input, one JSON object on standard output, nothing else. It has no
 * environment, no network, no file but its own code. Argument `list`: standard input is an artifact. Argument `compare`:
 * standard input is a series of published packages, each as 8 bytes of length (big-endian) and that many bytes.
 */
import { createReadStream } from 'node:fs'
import { listArtifact } from './listArtifact.ts'
import { listPublished } from './listPublished.ts'

const source = createReadStream('', { fd: 0, highWaterMark: 256 * 1024, autoClose: false }) as AsyncIterable<Buffer>
const result = process.argv[2] === 'compare' ? await listPublished(source) : await listArtifact(source)
process.stdout.write(JSON.stringify(result))
