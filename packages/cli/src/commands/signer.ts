import { hash, randomBytes, sign as signBytes } from 'node:crypto'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { type CallInput, type CallTarget, call } from '@countersign/local/calls/call.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { signingCertificateRoute } from '@countersign/protocol/api/authority.ts'
import { addLogEntryRoute } from '@countersign/protocol/api/logs.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { timestampRoute } from '@countersign/protocol/api/timestamps.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { type VerifiedBundle, verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import { writeBundle } from '@countersign/protocol/bundle/writeBundle.ts'
import { CodedError, hasCode } from '@countersign/protocol/errors/codedError.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { fileToken, type IdentityToken, sessionTokens } from './identityTokens.ts'
import { currentService, signingConfigOf } from './services.ts'
import { type OneTimeSignature, signDigest } from './signDigest.ts'

/** Signs digests with one identity at one instance. */
export interface Signer {
  /** Returns a bundle that verified against the anchors. Throws `calls.*`, the server's codes, `cli.own-result-wrong`. */
  sign(digest: Uint8Array): Promise<{ bundle: string; verified: VerifiedBundle }>
}

const TRIES = 3
const KEY_DETAILS = 'PKIX_ECDSA_P256_SHA_256'

/** Opens the services of an instance. Gets the first identity token, so that a missing sign-in shows before any file is read. */
export async function openSigner(
  anchors: Anchors,
  { tokenFile }: { readonly tokenFile?: string },
  { signal }: Pick<Terminal, 'signal'>,
): Promise<Signer> {
  const tokens = tokenFile === undefined ? sessionTokens(anchors, signal) : await fileToken(tokenFile)
  await tokens.current()
  const root = parseTrustedRoot(anchors.target('trusted_root.json'))
  const services = openServices(anchors, signal)
  return {
    async sign(digest) {
      // One key for one signature; it is gone when this returns.
      const made = signDigest(digest)
      const certificate = await services.certificate(made, await tokens.current())
      const nonce = randomBytes(8).readBigUInt64BE() >> 1n
      const timestamp = await services.timestamp(made.signature, nonce)
      const entry = await services.log(digest, made.signature, certificate)
      const bundle = writeBundle({
        certificate,
        messageDigest: digest,
        signature: made.signature,
        entry,
        timestamps: [timestamp],
      })
      const { verified, checks } = verifyBundle(parseBundle(bundle), artifactDigest(digest), root)
      if (verified === undefined) throw ownResultWrong(checks)
      if (verified.timestamps[0]?.nonce !== nonce)
        throw outputError('cli.own-result-wrong', 'the timestamp is an old one')
      return { bundle, verified }
    },
  }
}

function openServices(anchors: Anchors, signal: AbortSignal) {
  const config = signingConfigOf(anchors)
  const now = systemClock.now()
  const trust = tlsTrust(anchors)
  const target = (url: string): CallTarget => ({ url, trust })
  const authority = target(currentService(config.certificateAuthorities, now, 'certificate authority'))
  const log = target(currentService(config.artifactLogs, now, 'artifact log'))
  const stampUrl = currentService(config.timestampAuthorities, now, 'timestamp authority')
  // A signing configuration has the whole address of a timestamp authority, a route only its path.
  const stamper = target(
    stampUrl.endsWith(timestampRoute.path) ? stampUrl.slice(0, -timestampRoute.path.length) : stampUrl,
  )

  return {
    async certificate({ privateKey, publicKeyPem }: OneTimeSignature, identity: IdentityToken): Promise<Uint8Array> {
      const proof = signBytes('sha256', Buffer.from(identity.challenge), privateKey)
      const body = {
        credentials: { oidcIdentityToken: identity.token },
        publicKeyRequest: {
          publicKey: { algorithm: 'ECDSA', content: publicKeyPem },
          proofOfPossession: encodeBase64(proof),
        },
      }
      const reply = await retrying(authority, signingCertificateRoute, { body, signal })
      const [leaf] = parsePemCertificates(reply.signedCertificateEmbeddedSct.chain.certificates[0] ?? '')
      if (leaf === undefined) throw outputError('cli.own-result-wrong', 'the authority answered no certificate')
      return leaf.raw
    },
    timestamp(signature: Uint8Array, nonce: bigint): Promise<Uint8Array> {
      const digest = new Uint8Array(hash('sha256', signature, 'buffer'))
      const body = writeTimestampRequest({ hash: 'sha256', digest, nonce, certReq: false })
      return retrying(stamper, timestampRoute, { body, mediaType: 'application/timestamp-query', signal })
    },
    log(digest: Uint8Array, signature: Uint8Array, certificate: Uint8Array) {
      const verifier = { x509Certificate: { rawBytes: encodeBase64(certificate) }, keyDetails: KEY_DETAILS }
      const hashedRekordRequestV002 = {
        digest: encodeBase64(digest),
        signature: { content: encodeBase64(signature), verifier },
      }
      return retrying(log, addLogEntryRoute, { body: { hashedRekordRequestV002 }, signal })
    },
  }
}

/** Repeats what may succeed later. Every step may be repeated: the log answers a known entry with its first place. */
async function retrying<R extends Route>(target: CallTarget, route: R, input: CallInput) {
  for (let tried = 1; ; tried++) {
    try {
      return await call(target, route, input)
    } catch (error) {
      if (tried === TRIES || !isTransient(error)) throw error
      await systemClock.sleep(250 * 2 ** tried, input.signal)
    }
  }
}

function isTransient(error: unknown): boolean {
  if (hasCode(error, 'calls.unreachable') || hasCode(error, 'calls.timeout')) return true
  return error instanceof CodedError && [429, 502, 503, 504].includes(Number(error.detail?.status))
}

function ownResultWrong(checks: readonly { code?: string; name: string; detail: string }[]) {
  const wrong = checks.find((check) => check.code !== undefined)
  return outputError('cli.own-result-wrong', `${wrong?.name}: ${wrong?.detail} (${wrong?.code})`)
}
