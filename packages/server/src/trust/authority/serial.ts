import { randomFillSync } from 'node:crypto'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import { trustError } from '../errors.ts'

/** Length of every serial number made here: 160 bits, the most that RFC 5280, 4.1.2.2 allows. */
export const SERIAL_BYTES = 20

const POOL_BYTES = SERIAL_BYTES * 512
let pool = new Uint8Array(0)

/**
 * A random positive serial number of 20 bytes. The top bits are 01, so it is positive in DER without another byte and
 * never starts with zero; 158 bits remain random.
 */
export function newSerial(): Uint8Array {
  // One request to the random source a few hundred serials: it is a good part of the cost of a timestamp otherwise.
  if (pool.length === 0) pool = randomFillSync(new Uint8Array(POOL_BYTES))
  const serial = pool.slice(0, SERIAL_BYTES)
  pool = pool.subarray(SERIAL_BYTES)
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40
  return serial
}

/** Which of `shards` revocation lists carries `serial`: its last two bytes, so the serial alone decides, at issuance and for good. */
export function crlShard(serial: Uint8Array, shards: number): number {
  const last = serial[serial.length - 1] ?? 0
  const before = serial[serial.length - 2] ?? 0
  return (before * 256 + last) % shards
}

/** Reads a serial number as rows and requests carry it. Throws `trust.serial-wrong`. */
export function serialFromHex(text: string): Uint8Array {
  if (!/^(?!00)([0-9a-f]{2}){1,20}$/.test(text)) throw trustError('trust.serial-wrong', 'a serial number is malformed')
  return fromHex(text, 'the serial number')
}
