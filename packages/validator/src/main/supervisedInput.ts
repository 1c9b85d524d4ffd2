import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { composeError } from '../compose/errors.ts'

/**
 * What a supervisor hands over on standard input, as one line of JSON: secrets are in no argument and no file. The pipe then
 * stays open; its end means that the supervisor is gone.
 */
const supervisedLine = z.strictObject({
  ticket: z.string().max(8192).optional(),
  /** Base64 of the 32 bytes that the validator's keys are encrypted under. */
  wrappingKey: z.base64().length(44),
})

/** What was handed over, and the end of the supervisor. */
export interface SupervisedInput {
  readonly ticket?: string
  readonly wrappingKey: Uint8Array
  /** Resolves when standard input ends. */
  readonly supervisorGone: Promise<void>
}

const WITHIN_MS = 30_000
const MAX_LINE_CHARACTERS = 16_384

/**
 * Reads the line. The pipe does not keep this process from ending by itself afterwards. Throws
 * `validator.supervisor-unfit` where none comes, or another.
 */
export async function readSupervisedInput(input: NodeJS.ReadableStream = process.stdin): Promise<SupervisedInput> {
  const lines = createInterface({ input, terminal: false })
  const gone = Promise.withResolvers<void>()
  const first = Promise.withResolvers<string>()
  const patience = setTimeout(() => first.reject(unfit()), WITHIN_MS)
  lines.once('line', (line) => first.resolve(line))
  lines.once('close', () => {
    first.reject(unfit())
    gone.resolve()
  })
  try {
    const { ticket, wrappingKey } = parse(await first.promise)
    const key = Uint8Array.fromBase64(wrappingKey)
    if (input instanceof Socket) input.unref()
    return { ...(ticket !== undefined && { ticket }), wrappingKey: key, supervisorGone: gone.promise }
  } finally {
    clearTimeout(patience)
  }
}

function parse(line: string): z.infer<typeof supervisedLine> {
  try {
    if (line.length > MAX_LINE_CHARACTERS) throw unfit()
    return supervisedLine.parse(JSON.parse(line))
  } catch {
    // Without the cause: it may quote the line.
    throw unfit()
  }
}

function unfit() {
  return composeError('validator.supervisor-unfit', 'standard input does not hold what a supervisor hands over')
}
