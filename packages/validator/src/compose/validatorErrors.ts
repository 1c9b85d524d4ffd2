import { anchorsErrors } from '@countersign/local/anchors/errors.ts'
import { callsErrors } from '@countersign/local/calls/errors.ts'
import { feedErrors } from '@countersign/local/feed/errors.ts'
import { filesErrors } from '@countersign/local/files/errors.ts'
import { configErrors } from '@countersign/platform/config/errors.ts'
import { databaseErrors } from '@countersign/platform/database/errors.ts'
import { httpErrors } from '@countersign/platform/http/errors.ts'
import { jobsErrors } from '@countersign/platform/jobs/errors.ts'
import { keystoreErrors } from '@countersign/platform/keystore/errors.ts'
import { outboxErrors } from '@countersign/platform/outbox/errors.ts'
import { apiErrors } from '@countersign/protocol/api/errors.ts'
import { bundleErrors } from '@countersign/protocol/bundle/errors.ts'
import { decideErrors } from '@countersign/protocol/decide/errors.ts'
import { derErrors } from '@countersign/protocol/der/errors.ts'
import type { ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import { jsonErrors } from '@countersign/protocol/json/errors.ts'
import { logErrors } from '@countersign/protocol/log/errors.ts'
import { orderingErrors } from '@countersign/protocol/ordering/errors.ts'
import { osvErrors } from '@countersign/protocol/osv/errors.ts'
import { policyErrors } from '@countersign/protocol/policy/errors.ts'
import { purlErrors } from '@countersign/protocol/purl/errors.ts'
import { releaseErrors } from '@countersign/protocol/release/errors.ts'
import { revocationErrors } from '@countersign/protocol/revocation/errors.ts'
import { sbomErrors } from '@countersign/protocol/sbom/errors.ts'
import { statementErrors } from '@countersign/protocol/statement/errors.ts'
import { timestampErrors } from '@countersign/protocol/timestamp/errors.ts'
import { x509Errors } from '@countersign/protocol/x509/errors.ts'
import { advisoriesErrors } from '../advisories/errors.ts'
import { certifyErrors } from '../certify/errors.ts'
import { inspectorErrors } from '../inspector/errors.ts'
import { watchErrors } from '../watch/errors.ts'
import { composeErrors } from './errors.ts'

/** The tables of every folder that the validator runs, by the folder's name. A code stands in one of them only. */
export const validatorErrorTables = {
  json: jsonErrors,
  der: derErrors,
  x509: x509Errors,
  timestamp: timestampErrors,
  log: logErrors,
  bundle: bundleErrors,
  statement: statementErrors,
  purl: purlErrors,
  ordering: orderingErrors,
  sbom: sbomErrors,
  osv: osvErrors,
  revocation: revocationErrors,
  release: releaseErrors,
  policy: policyErrors,
  decide: decideErrors,
  api: apiErrors,
  files: filesErrors,
  anchors: anchorsErrors,
  feed: feedErrors,
  calls: callsErrors,
  config: configErrors,
  database: databaseErrors,
  keystore: keystoreErrors,
  jobs: jobsErrors,
  outbox: outboxErrors,
  http: httpErrors,
  advisories: advisoriesErrors,
  inspector: inspectorErrors,
  certify: certifyErrors,
  watch: watchErrors,
  compose: composeErrors,
} as const satisfies Readonly<Record<string, ErrorTable>>

/** Every code that the validator can answer or exit with. */
export const validatorErrors: ErrorTable = Object.assign({}, ...Object.values(validatorErrorTables))
