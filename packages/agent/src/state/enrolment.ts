import { existsSync } from 'node:fs'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { countShape, objectShape, type Shaped, stringShape } from '@countersign/protocol/policy/shape.ts'
import type { DataFolder } from './dataFolder.ts'
import { stateError } from './errors.ts'
import { readJsonFile } from './readJsonFile.ts'

const enrolmentShape = objectShape({
  v: countShape(1, 1),
  name: stringShape('a device name', /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
  url: stringShape('an https URL', /^https:\/\/\S+$/),
  rootSha256: stringShape('a SHA-256 digest', /^[0-9a-f]{64}$/),
  enrolledAt: stringShape('a time', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
})

/** To which instance this device belongs, and as what. */
export type Enrolment = Shaped<typeof enrolmentShape>

/** True once `saveEnrolment` is done. */
export function isEnrolled(folder: DataFolder): boolean {
  return existsSync(folder.enrolment)
}

/** Throws `state.not-enrolled`, `state.damaged`. */
export async function loadEnrolment(folder: DataFolder): Promise<Enrolment> {
  if (!isEnrolled(folder)) throw stateError('state.not-enrolled', `${folder.path} holds no enrolled device`)
  return readJsonFile(folder.enrolment, enrolmentShape, 64 * 1024)
}

/** The last step of enrolling: what is not there was not finished and may be repeated. Throws `files.*`. */
export async function saveEnrolment(folder: DataFolder, enrolment: Enrolment): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(enrolment, null, 2)}\n`)
  await replaceFile(folder.enrolment, bytes, { point: 'agent.enrolment', mode: 0o600 })
}
