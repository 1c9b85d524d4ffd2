import type { HttpServer } from '@countersign/platform/http/server.ts'
import {
  addValidatorRoute,
  listValidatorsRoute,
  removeValidatorRoute,
} from '@countersign/protocol/api/certifications.ts'
import {
  assignRoute,
  changeDeviceRoute,
  checkInRoute,
  createDeviceTicketRoute,
  getDeviceFileRoute,
  listDevicesRoute,
  listReleasesRoute,
  publishReleaseRoute,
} from '@countersign/protocol/api/devices.ts'
import { assign } from './assignments.ts'
import { changeDevice } from './changeDevice.ts'
import { checkIn } from './checkIn.ts'
import { deviceFile } from './deviceFile.ts'
import { mountEst } from './estRoutes.ts'
import { listDevices } from './listDevices.ts'
import type { Fleet } from './openFleet.ts'
import { listReleases, publishRelease } from './releases.ts'
import { createEnrolmentTicket } from './tickets.ts'
import { addValidator, listValidators, removeValidator } from './validators.ts'

/** Whoever can open the local admin socket. */
const OPERATOR = 'operator'

/** Mounts enrolment, devices, releases and validators; each server takes the routes that name its listener. */
export function mountFleet(servers: readonly HttpServer[], fleet: Fleet): void {
  for (const server of servers) {
    mountEst(server, fleet)
    mountDevices(server, fleet)
    mountOperating(server, fleet)
    mountValidators(server, fleet)
  }
}

function mountDevices(server: HttpServer, fleet: Fleet): void {
  server.mount(checkInRoute, (request) => checkIn(fleet, request, request.body))
  server.mount(getDeviceFileRoute, (request) => deviceFile(fleet, request, request.params.sha256))
}

function mountOperating(server: HttpServer, fleet: Fleet): void {
  server.mount(createDeviceTicketRoute, async ({ body }) => {
    const { device, group, validityHours } = body
    const request = { subject: 'devices', name: device, group, validityHours } as const
    const { ticket, expires } = await createEnrolmentTicket(fleet, OPERATOR, request)
    return { device, ticket, expires: expires.toISOString() }
  })
  server.mount(listDevicesRoute, async () => ({ devices: await listDevices(fleet) }))
  server.mount(assignRoute, ({ body }) => assign(fleet, OPERATOR, body))
  server.mount(changeDeviceRoute, ({ body }) => changeDevice(fleet, OPERATOR, body))
  server.mount(publishReleaseRoute, ({ body }) => publishRelease(fleet, OPERATOR, body))
  server.mount(listReleasesRoute, async () => ({ releases: await listReleases(fleet) }))
}

function mountValidators(server: HttpServer, fleet: Fleet): void {
  server.mount(addValidatorRoute, async ({ body }) => {
    const { ticket, expires } = await addValidator(fleet, OPERATOR, body)
    return { name: body.name, ticket, expires: expires.toISOString() }
  })
  server.mount(listValidatorsRoute, async () => ({ validators: await listValidators(fleet) }))
  server.mount(removeValidatorRoute, ({ body }) => removeValidator(fleet, OPERATOR, body.name))
}
