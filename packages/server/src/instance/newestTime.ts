import { verifyCosignatures } from '@countersign/protocol/log/cosignature.ts'
import type { TransparencyLog } from '../log/transparencyLog.ts'

/** The newest time that any of the logs' published checkpoints carries, by its heartbeat. 1970 where none does. */
export function newestTime(logs: readonly TransparencyLog[]): Date {
  const times = logs.flatMap((log) => verifyCosignatures(log.head().note, log.cosignerKeys))
  return new Date(Math.max(0, ...times.map(({ time }) => time.getTime())))
}
