import { addTrust } from '@countersign/local/anchors/addTrust.ts'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { enrol as enrolOverEst } from '@countersign/local/calls/est.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { makeFolder } from '@countersign/local/files/durable.ts'
import { lockFolder } from '@countersign/local/files/lock.ts'
import type { Ticket } from '@countersign/protocol/api/ticket.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import { EARLIEST_TIME } from '../state/deviceTime.ts'
import { type Enrolment, isEnrolled, loadEnrolment, saveEnrolment } from '../state/enrolment.ts'
import { saveState } from '../state/stateStore.ts'
import { emptyState } from '../state/storedState.ts'
import { saveCertificate } from './clientCertificate.ts'
import { openClientKey } from './clientKey.ts'
import { enrolError } from './errors.ts'

/** How a device enrols. */
export interface EnrolDeps {
  readonly clock: Clock
  readonly signal?: AbortSignal
}

/** A device that is enrolled. */
export interface EnrolledDevice {
  readonly enrolment: Enrolment
  readonly environment: Anchors['environment']
  /** Of the client certificate. */
  readonly notAfter: Date
}

/**
 * Enrols this machine by a device ticket (design 9): trust by the root's hash, then a certificate for a key that is made here.
 * The secret goes out only to EST, over TLS that the ticket's own root proved. Every step is durable before the next, and the
 * enrolment is written last, so a crash anywhere is repaired by the same command: the same secret with the same key gets the
 * same certificate. Throws `enrol.*`, `ticket.expired`, `anchors.*`, `calls.*` and the server's codes, `files.*`.
 */
export async function enrol(ticket: Ticket, folder: DataFolder, deps: EnrolDeps): Promise<EnrolledDevice> {
  const { device, secret, rootSha256, url } = ticket
  if (device === undefined || secret === undefined) {
    throw enrolError('enrol.no-device-ticket', 'the ticket names no device')
  }
  // The folder may be passed through by the program's user, who has to reach the releases; everything else in it is 0600.
  await makeFolder(folder.path, { point: 'agent.folder', mode: 0o711 })
  const lock = await lockFolder(folder.path)
  try {
    await refuseOther(folder, device, rootSha256)
    await makeFolder(folder.trust, { point: 'agent.trust-folder', mode: 0o700 })
    const { anchors } = await addTrust(ticket, { clock: deps.clock, config: folder.trust, ...signalOf(deps) })
    const privateKey = await openClientKey(folder)
    const deviceRootPem = Buffer.from(anchors.target('device_root.pem')).toString()
    const request = { url, deviceRootPem, name: device, secret, privateKey, clock: deps.clock, ...signalOf(deps) }
    const { certificatePem, notAfter } = await enrolOverEst(request)
    await saveCertificate(folder, certificatePem)
    // A first state, so that a missing one later means that it was lost.
    if (!isEnrolled(folder)) await saveState(folder, emptyState(EARLIEST_TIME, false))
    const enrolment = { v: 1, name: device, url, rootSha256, enrolledAt: deps.clock.now().toISOString() }
    await saveEnrolment(folder, enrolment)
    return { enrolment, environment: anchors.environment, notAfter }
  } finally {
    lock.release()
  }
}

function signalOf({ signal }: EnrolDeps): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** The same device may enrol again, with a new ticket of the same instance; another one gets another folder. */
async function refuseOther(folder: DataFolder, name: string, rootSha256: string): Promise<void> {
  if (!isEnrolled(folder)) return
  const known = await loadEnrolment(folder)
  if (known.name === name && known.rootSha256 === rootSha256) return
  throw enrolError('enrol.other-device', `${folder.path} holds the device ${known.name} of ${known.url}`)
}
