import { pae } from '../log/pae.ts'

/** What a device's report is, so that its signature cannot be moved to another meaning. */
export const DEVICE_REPORT_PAYLOAD_TYPE = 'application/vnd.countersign.device-report.v1+json'

const encoder = new TextEncoder()

/**
 * What the client key of a device signs when it reports: the PAE (DSSE v1) of the report's JSON text and its type.
 * `text` is signed as it is sent, byte for byte, so that nobody has to agree on a form of JSON.
 */
export function deviceReportBytes(text: string): Uint8Array {
  return pae(DEVICE_REPORT_PAYLOAD_TYPE, encoder.encode(text))
}
