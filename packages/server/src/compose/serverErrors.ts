import { callsErrors } from '@countersign/local/calls/errors.ts'
import { filesErrors } from '@countersign/local/files/errors.ts'
import { blobsErrors } from '@countersign/platform/blobs/errors.ts'
import { configErrors } from '@countersign/platform/config/errors.ts'
import { databaseErrors } from '@countersign/platform/database/errors.ts'
import { httpErrors } from '@countersign/platform/http/errors.ts'
import { jobsErrors } from '@countersign/platform/jobs/errors.ts'
import { keystoreErrors } from '@countersign/platform/keystore/errors.ts'
import { outboxErrors } from '@countersign/platform/outbox/errors.ts'
import { apiErrors } from '@countersign/protocol/api/errors.ts'
import { bundleErrors } from '@countersign/protocol/bundle/errors.ts'
import { derErrors } from '@countersign/protocol/der/errors.ts'
import type { ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import { jsonErrors } from '@countersign/protocol/json/errors.ts'
import { logErrors } from '@countersign/protocol/log/errors.ts'
import { policyErrors } from '@countersign/protocol/policy/errors.ts'
import { releaseErrors } from '@countersign/protocol/release/errors.ts'
import { revocationErrors } from '@countersign/protocol/revocation/errors.ts'
import { statementErrors } from '@countersign/protocol/statement/errors.ts'
import { timestampErrors } from '@countersign/protocol/timestamp/errors.ts'
import { x509Errors } from '@countersign/protocol/x509/errors.ts'
import { accountErrors } from '../account/errors.ts'
import { artifactsErrors } from '../artifacts/errors.ts'
import { fleetErrors } from '../fleet/errors.ts'
import { instanceErrors } from '../instance/errors.ts'
import { logKeepingErrors } from '../log/errors.ts'
import { trustErrors } from '../trust/errors.ts'

/** The tables of every folder that the server runs, by the folder's name. A code stands in one of them only. */
export const serverErrorTables = {
  json: jsonErrors,
  der: derErrors,
  x509: x509Errors,
  timestamp: timestampErrors,
  log: logErrors,
  bundle: bundleErrors,
  statement: statementErrors,
  revocation: revocationErrors,
  release: releaseErrors,
  policy: policyErrors,
  api: apiErrors,
  files: filesErrors,
  calls: callsErrors,
  config: configErrors,
  database: databaseErrors,
  blobs: blobsErrors,
  keystore: keystoreErrors,
  jobs: jobsErrors,
  outbox: outboxErrors,
  http: httpErrors,
  logKeeping: logKeepingErrors,
  account: accountErrors,
  trust: trustErrors,
  artifacts: artifactsErrors,
  fleet: fleetErrors,
  instance: instanceErrors,
} as const satisfies Readonly<Record<string, ErrorTable>>

/** Every code that the server can answer or exit with. */
export const serverErrors: ErrorTable = Object.assign({}, ...Object.values(serverErrorTables))
