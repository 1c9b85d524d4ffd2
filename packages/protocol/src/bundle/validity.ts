import type { JsonValue } from '../json/canonicalJson.ts'
import type { protoReader } from '../log/protoJson.ts'

/** When something is trusted or offered. Both ends are inclusive; unlimited where absent. */
export interface Validity {
  readonly validFrom?: Date
  readonly validUntil?: Date
}

type Reader = ReturnType<typeof protoReader>

// RFC 3339 as protocol buffers write it: any fraction up to nanoseconds, any offset.
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** True if `at` is within the validity, both ends included (sigstore-conformance #406). */
export function isValidAt({ validFrom, validUntil }: Validity, at: Date): boolean {
  return !(validFrom !== undefined && at < validFrom) && !(validUntil !== undefined && at > validUntil)
}

/** Writes a `TimeRange`. Times are cut to seconds, because all real ones are whole and this reads best. */
export function writeValidity({ validFrom, validUntil }: Validity): JsonValue {
  return {
    ...(validFrom === undefined ? {} : { start: writeTime(validFrom) }),
    ...(validUntil === undefined ? {} : { end: writeTime(validUntil) }),
  }
}

/** Reads a `TimeRange` with `read`, whose error it throws. */
export function parseValidity(read: Reader, json: JsonValue | undefined, refuse: (message: string) => Error): Validity {
  const { start, end } = read.message(json ?? {}, 'validFor', ['start', 'end'])
  const validFrom = parseTime(read.text(start, 'start'), refuse)
  const validUntil = parseTime(read.text(end, 'end'), refuse)
  return { ...(validFrom === undefined ? {} : { validFrom }), ...(validUntil === undefined ? {} : { validUntil }) }
}

function parseTime(text: string, refuse: (message: string) => Error): Date | undefined {
  if (text === '') return undefined
  const time = new Date(TIME.test(text) ? text : Number.NaN)
  if (Number.isNaN(time.getTime())) throw refuse('a time is not of the form of RFC 3339')
  return time
}

function writeTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}
