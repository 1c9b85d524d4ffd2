import {
  type DestinationStream,
  type Level,
  type Logger as PinoLogger,
  type LoggerOptions as PinoOptions,
  pino,
  stdTimeFunctions,
} from 'pino'
import { redactFields } from './redact.ts'

/** Where programs report what they do: one JSON object a line. `child` adds fields to every line. */
export type Logger = PinoLogger

/** How a logger is made. */
export interface LoggerOptions {
  /** The least important level that is written; `silent` for nothing. */
  readonly level: Level | 'silent'
  /** Which program or part speaks. */
  readonly name: string
  /** Default: standard error, so that a command's own output stays clean. Written at once, so that a crash loses no line. */
  readonly destination?: DestinationStream
}

/** Makes a logger whose lines hold no secret: every field passes `redact`. Messages are written by us and hold no values. */
export function createLogger({ level, name, destination }: LoggerOptions): Logger {
  const options: PinoOptions = {
    level,
    timestamp: stdTimeFunctions.isoTime,
    base: { name },
    formatters: { level: (label) => ({ level: label }), log: redactFields },
    // Errors arrive here as plain, redacted objects; pino's own serializer would take them for errors again.
    serializers: { err: (redacted: unknown) => redacted },
  }
  const logger = pino(options, destination ?? pino.destination({ fd: 2, sync: true }))
  const child = logger.child
  // Pino formats only the fields of a line, not those that a child adds to each of its lines. Children inherit this.
  logger.child = function (this: Logger, bindings: object, ...rest: []) {
    return child.call(this, redactFields(bindings), ...rest)
  } as typeof child
  return logger
}
