import { hash } from 'node:crypto'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { type CallInput, type CallReply, type CallTarget, call } from '@countersign/local/calls/call.ts'
import { download } from '@countersign/local/calls/transfer.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import {
  getArtifactRoute,
  listWorkRoute,
  MAX_ARTIFACT_BYTES,
  putValidatorStatusRoute,
  reportFindingsRoute,
  reportSubmissionRoute,
  type ValidatorStatus,
} from '@countersign/protocol/api/artifacts.ts'
import { issueCertificationRoute, putRevokerKeyRoute } from '@countersign/protocol/api/certifications.ts'
import { addLogEntryRoute, type TransparencyLogEntryReply } from '@countersign/protocol/api/logs.ts'
import { addRevocationRoute } from '@countersign/protocol/api/revocations.ts'
import type { RawBody, Route } from '@countersign/protocol/api/route.ts'
import { timestampRoute } from '@countersign/protocol/api/timestamps.ts'
import { CodedError, hasCode } from '@countersign/protocol/errors/codedError.ts'
import { encodeBase64, fromHex } from '@countersign/protocol/json/base64.ts'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import type { z } from 'zod'
import { signingServices } from './signingServices.ts'

/** A submission as the instance hands it over. */
export type Work = CallReply<typeof listWorkRoute>['submissions'][number]

type BodyOf<R extends Route> = z.input<Exclude<R['body'], RawBody | undefined>>

/** What a validator can say about a submission. */
export type SubmissionReport = BodyOf<typeof reportSubmissionRoute>

/** What a validator tells of one advisory. */
export type FindingsReport = BodyOf<typeof reportFindingsRoute>

/** The answer to a revocation record. */
export type RevocationReply = CallReply<typeof addRevocationRoute>

/**
 * Everything that a validator asks of its instance, over the public API and mutual TLS. Each may be repeated with the same
 * bytes. Throws `calls.*` and the instance's own codes; what may succeed later is tried three times before that.
 */
export interface Authority {
  /** The open submissions; waits up to `waitMs` for the first. */
  listWork(waitMs: number, signal: AbortSignal): Promise<readonly Work[]>
  /** Streams an artifact to `path`, which then holds exactly the bytes with this digest. */
  download(sha256: string, path: string): Promise<void>
  /** Moves a submission on. */
  report(id: string, report: SubmissionReport): Promise<void>
  /** Issues the certificate of one certification. The same key again: the same certificate. */
  issue(request: BodyOf<typeof issueCertificationRoute>): Promise<CallReply<typeof issueCertificationRoute>>
  /** An RFC 3161 response over `signature`. */
  stamp(signature: Uint8Array, nonce: bigint): Promise<Uint8Array>
  /** Logs a signature over the SHA-256 `digest` of a PAE. */
  log(digest: Uint8Array, signature: Uint8Array, certificate: Uint8Array): Promise<TransparencyLogEntryReply>
  /** Names the key that signs revocations. */
  putRevokerKey(spki: Uint8Array): Promise<CallReply<typeof putRevokerKeyRoute>>
  /** Logs a signed revocation record. */
  addRevocation(request: BodyOf<typeof addRevocationRoute>): Promise<RevocationReply>
  /** Tells what an advisory reaches. */
  reportFindings(report: FindingsReport): Promise<void>
  /** Says how this validator is. */
  putStatus(status: ValidatorStatus): Promise<void>
}

/** What calls stand on: the trust of the moment, because anchors and client certificate are renewed while running. */
export interface AuthorityDeps {
  readonly clock: Clock
  /** The verified anchors. */
  anchors(): Anchors
  /** The instance, with this validator's client certificate. */
  target(): CallTarget
}

const TRIES = 3
const FIRST_RETRY_MS = 200
/** A transparency log answers once it has published; a revocation computes its reach first. */
const TIMEOUT_MS = 30_000

/** Opens the calls to the instance. */
export function openAuthority(deps: AuthorityDeps): Authority {
  const ask = <R extends Route>(route: R, input: CallInput) => retrying(deps, deps.target(), route, input)
  const services = () => signingServices(deps.anchors(), deps.target(), deps.clock.now())
  return {
    async listWork(waitMs, signal) {
      const query = { waitMs: String(waitMs) }
      const timeoutMs = waitMs + TIMEOUT_MS
      const limits = { timeoutMs, maxBytes: 64 * 1024 * 1024, signal }
      return (await call(deps.target(), listWorkRoute, { query, ...limits })).submissions
    },
    async download(sha256, path) {
      const goal = { path, sha256: fromHex(sha256, 'sha256'), maxBytes: MAX_ARTIFACT_BYTES, mode: 0o600 }
      await download(deps.target(), getArtifactRoute, { params: { sha256 } }, goal, 'certify.download')
    },
    async report(id, body) {
      await ask(reportSubmissionRoute, { params: { id }, body })
    },
    issue: (body) => ask(issueCertificationRoute, { body }),
    stamp(signature, nonce) {
      const digest = new Uint8Array(hash('sha256', signature, 'buffer'))
      const body = writeTimestampRequest({ hash: 'sha256', digest, nonce, certReq: false })
      return retrying(deps, services().stamper, timestampRoute, { body, mediaType: 'application/timestamp-query' })
    },
    log(digest, signature, certificate) {
      const verifier = {
        x509Certificate: { rawBytes: encodeBase64(certificate) },
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      }
      const hashedRekordRequestV002 = {
        digest: encodeBase64(digest),
        signature: { content: encodeBase64(signature), verifier },
      }
      return retrying(deps, services().log, addLogEntryRoute, { body: { hashedRekordRequestV002 } })
    },
    putRevokerKey: (spki) => ask(putRevokerKeyRoute, { body: { publicKey: encodeBase64(spki) } }),
    addRevocation: (body) => ask(addRevocationRoute, { body }),
    async reportFindings(body) {
      await ask(reportFindingsRoute, { body, timeoutMs: 2 * TIMEOUT_MS })
    },
    async putStatus(body) {
      await call(deps.target(), putValidatorStatusRoute, { body })
    },
  }
}

/** True for what may succeed later without anybody doing anything. */
export function isTransient(error: unknown): boolean {
  if (hasCode(error, 'calls.unreachable') || hasCode(error, 'calls.timeout')) return true
  return error instanceof CodedError && [429, 502, 503, 504, 507].includes(Number(error.detail?.status))
}

async function retrying<R extends Route>(
  { clock }: AuthorityDeps,
  target: CallTarget,
  route: R,
  input: CallInput,
): Promise<CallReply<R>> {
  for (let tried = 1; ; tried++) {
    try {
      return await call(target, route, { timeoutMs: TIMEOUT_MS, ...input })
    } catch (error) {
      if (tried === TRIES || !isTransient(error)) throw error
      await clock.sleep(FIRST_RETRY_MS * 2 ** tried, input.signal)
    }
  }
}
