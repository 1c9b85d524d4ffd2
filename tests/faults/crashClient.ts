import { generateKeyPairSync, type KeyObject, randomBytes, randomInt, sign } from 'node:crypto'
import path from 'node:path'
import { addTrust } from '@countersign/local/anchors/addTrust.ts'
import { type Anchors, findAnchor, verifyAnchor } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { type CallInput, type CallReply, call } from '@countersign/local/calls/call.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import type { LogKind } from '@countersign/local/feed/logKey.ts'
import { createTicketRoute } from '@countersign/protocol/api/admin.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { canonicalEntry, parseAddEntryRequest } from '@countersign/protocol/log/hashedRekord.ts'
import { leafHash, sha256, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { parseTransparencyLogEntry } from '@countersign/protocol/log/transparencyLogEntry.ts'
import { verifyTimestamp } from '@countersign/protocol/timestamp/verifyTimestamp.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { readLeafIndex, readScts } from '@countersign/protocol/x509/sct.ts'
import { callForJson, callInstance } from '../support/callInstance.ts'
import type { Instance } from '../support/startInstance.ts'
import type { Journal, OpenEntry } from './crashJournal.ts'
import type { Site } from './crashSite.ts'

/** The four logs. */
export const logKinds: readonly LogKind[] = ['artifacts', 'certificates', 'revocations', 'audit']

/** A client of one running server that writes down what it is told. */
export interface Client {
  readonly url: string
  readonly issuer: string
  readonly anchors: Anchors
  /** PEM of the device root. */
  readonly ca: string
  readonly journal: Journal
  /** Calls an operation over the admin socket. */
  admin<R extends Route>(route: R, input?: CallInput): Promise<CallReply<R>>
}

/** Trusts the instance by ticket at first, and by what it trusted before from then on: an older repository is refused. */
export async function openClient(site: Site, instance: Pick<Instance, 'publicUrl'>, journal: Journal): Promise<Client> {
  const target = { socketPath: path.join(site.dataFolder, 'admin.sock') }
  const admin: Client['admin'] = (route, input) => call(target, route, input)
  const deps = { clock: systemClock, config: site.clientFolder, timeoutMs: 30_000 }
  const known = await knownAnchors(site)
  const { anchors } =
    known === undefined
      ? await addTrust(parseTicket((await admin(createTicketRoute, { body: {} })).ticket), deps)
      : await refreshAnchors(known, deps)
  if (known === undefined) journal.write({ what: 'done', fact: 'policy', value: policyDigest(anchors) })
  const ca = Buffer.from(anchors.target('device_root.pem')).toString('utf8')
  return { url: instance.publicUrl, issuer: `${instance.publicUrl}/oidc`, anchors, ca, journal, admin }
}

/** SHA-256 of the verification policy that the instance distributes, in hexadecimal. */
export function policyDigest(anchors: Anchors): string {
  return sha256(anchors.target('verification_policy.json')).toHex()
}

/** The anchors that the client has stored, verified again; undefined before its first contact. */
export async function knownAnchors(site: Site): Promise<Anchors | undefined> {
  try {
    return verifyAnchor(await findAnchor(undefined, site.clientFolder), site.clientFolder)
  } catch (error) {
    if (hasCode(error, 'anchors.none')) return undefined
    throw error
  }
}

/** Signs something new with a key of its own making; which key it is does not matter to the log. */
export function newEntry(): OpenEntry {
  const { privateKey, publicKey } = newKey()
  const message = randomBytes(32)
  const request = {
    hashedRekordRequestV002: {
      digest: Buffer.from(sha256(message)).toString('base64'),
      signature: {
        content: sign('sha256', message, privateKey).toString('base64'),
        verifier: {
          publicKey: { rawBytes: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') },
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        },
      },
    },
  }
  const leaf = leafHash(canonicalEntry(parseAddEntryRequest(request)))
  return { leaf: leaf.toHex(), body: JSON.stringify(request) }
}

/** Asks the artifact log for an entry, again or for the first time, and notes where it is said to be. */
export async function logEntry({ url, ca, journal }: Client, { leaf, body }: OpenEntry): Promise<void> {
  journal.write({ what: 'asked', leaf, body })
  const headers = { 'content-type': 'application/json' }
  const answer = await callForJson<JsonValue>(`${url}/api/v2/log/entries`, { ca, body, headers }, 201)
  const { logIndex, inclusionProof, canonicalizedBody } = parseTransparencyLogEntry(answer)
  if (inclusionProof === undefined) throw new Error('the artifact log answered without a proof')
  const { hashes: proof, treeSize: size, rootHash: root, checkpoint: note } = inclusionProof
  if (leafHash(canonicalizedBody).toHex() !== leaf) throw new Error('the artifact log answered for another entry')
  verifyInclusion({ leaf: Uint8Array.fromHex(leaf), index: logIndex, size, proof, root })
  journal.write({ what: 'logged', leaf, index: logIndex.toString(), note })
}

/** Gets a certificate for the person whom `token` speaks for, and notes the place that its SCT names. */
export async function issueCertificate(client: Client, token: string, email: string): Promise<void> {
  const { privateKey, publicKey } = newKey()
  const content = publicKey.export({ type: 'spki', format: 'pem' })
  const proofOfPossession = sign('sha256', Buffer.from(email), privateKey).toString('base64')
  const body = JSON.stringify({
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: { publicKey: { algorithm: 'ECDSA', content }, proofOfPossession },
  })
  const answer = await callForJson<SigningCertificateReply>(`${client.url}/api/v2/signingCert`, {
    ca: client.ca,
    headers: { 'content-type': 'application/json' },
    body,
  })
  const [certificate] = parsePemCertificates(answer.signedCertificateEmbeddedSct.chain.certificates[0] ?? '')
  const [sct] = certificate === undefined ? [] : readScts(certificate)
  const index = sct && readLeafIndex(sct.extensions)
  if (certificate === undefined || index === undefined) throw new Error('a certificate came without a place in the log')
  client.journal.write({ what: 'issued', serial: certificate.serialHex, index: index.toString() })
}

interface SigningCertificateReply {
  readonly signedCertificateEmbeddedSct: { readonly chain: { readonly certificates: readonly string[] } }
}

/** Gets a timestamp and verifies it by the distributed anchors. */
export async function stampSomething({ url, ca, anchors, journal }: Client): Promise<void> {
  const message = randomBytes(32)
  const artifactHash = Buffer.from(sha256(message)).toString('base64')
  const body = JSON.stringify({ artifactHash, hashAlgorithm: 'sha256', nonce: randomInt(2 ** 40) })
  const headers = { 'content-type': 'application/json' }
  const { status, bytes } = await callInstance(`${url}/api/v1/timestamp`, { ca, body, headers })
  if (status !== 200) throw new Error(`the timestamp authority answered ${status}: ${bytes.toString('utf8')}`)
  const { timestampAuthorities } = parseTrustedRoot(anchors.target('trusted_root.json'))
  const { serialHex } = verifyTimestamp(bytes, message, timestampAuthorities)
  journal.write({ what: 'stamped', serial: serialHex })
}

/** Fetches and notes the newest checkpoint of every log. */
export async function watchLogs({ anchors, journal }: Client): Promise<void> {
  for (const log of logKinds) {
    const url = anchors.policy.logs[log][0]?.url
    const { status, bytes } = await callInstance(`${url}/checkpoint`)
    if (status !== 200) throw new Error(`${url}/checkpoint answered ${status}`)
    journal.write({ what: 'seen', log, note: bytes.toString('utf8') })
  }
}

function newKey(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}
