import path from 'node:path'
import { changeDeviceRoute } from '@countersign/protocol/api/devices.ts'
import { parseTicket, writeTicket } from '@countersign/protocol/api/ticket.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { mustRun } from '../../support/runProgram.ts'
import { type BadInput, rowMaker } from './badInput.ts'
import { answerTo, outcomeOf } from './commands.ts'
import { deviceTicket, enrolCommand, enrolDevice } from './device.ts'
import { certifyUnrecorded, openStolenKeys } from './forgedCertificate.ts'
import type { Setting } from './setting.ts'

type ClientPem = { readonly certificatePem: string; readonly privateKeyPem: string }

/** Who must not become a device, and what nobody gets who is none. */
export async function enrolmentRows(setting: Setting): Promise<BadInput[]> {
  const { delivery, devicesFolder } = setting
  const { ca, publicUrl, admin } = delivery
  const removed = await enrolDevice(setting, 'removed')
  await admin(changeDeviceRoute, { body: { do: 'remove', device: removed.name } })
  const used = await deviceTicket(delivery, 'first')
  await mustRun(enrolCommand(path.join(devicesFolder, 'first')), { input: used })
  const open = parseTicket(await deviceTicket(delivery, 'second'))
  const { device: _nobody, secret: _nothing, ...trustOnly } = open

  const keys = await openStolenKeys(delivery.folder, delivery.keyFile)
  const { privateKey, certificate } = await certifyUnrecorded(keys, delivery.folder, `${publicUrl}/devices/nobody`)
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const forged = { certificatePem: toPem(certificate), privateKeyPem }

  const thief = path.join(devicesFolder, 'thief')
  const enrol = rowMaker('counted', (ticket: string) => {
    return outcomeOf(enrolCommand(thief), {}, ticket)
  })
  const checkIn = rowMaker('counted', (client: ClientPem | undefined) =>
    answerTo(`${publicUrl}/api/v1/devices/self/check-ins`, {
      ...{ ca, ...(client && { client }), headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ report: '{}', signature: 'AAAAAAAA' }),
    }),
  )
  // A key of its own, and the anchors, which are public.
  const mayChange = /^devices\/thief\//
  return [
    { ...enrol('device ticket, used a second time', 'fleet.ticket-used', 1, used), mayChange },
    {
      ...enrol('device ticket of another device', 'fleet.ticket-unknown', 1, writeTicket({ ...open, device: 'third' })),
      mayChange,
    },
    {
      ...enrol('ticket that names no device', 'enrol.no-device-ticket', 1, writeTicket(trustOnly)),
      recorded: 'nothing',
    },
    checkIn('report of a device without a certificate', 'http.certificate-missing', 401, undefined),
    checkIn('report of a device that nobody enrolled', 'fleet.certificate-unknown', 403, forged),
    { ...checkIn('report of a device that was removed', 'fleet.removed', 403, removed.client()), recorded: 'entry' },
  ]
}
