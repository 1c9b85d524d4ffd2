import { join } from 'node:path'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import type { ListenAddress } from '@countersign/platform/http/listen.ts'
import type { TlsCredentials } from '@countersign/platform/http/nodeServer.ts'
import { createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { TokenIssuer } from '@countersign/protocol/api/authority.ts'
import type { AcceptedIssuer } from '@countersign/protocol/api/people.ts'
import type { ListenerName } from '@countersign/protocol/api/route.ts'
import type { Caller } from '@countersign/protocol/errors/codedError.ts'
import { parsePemCertificates, toPem } from '@countersign/protocol/x509/certificate.ts'
import { mountAccountPages, mountAccountRoutes } from '../account/routes.ts'
import { mountArtifacts } from '../artifacts/routes.ts'
import { devicesOf } from '../fleet/devicesRunning.ts'
import { mountFleet } from '../fleet/routes.ts'
import { addressesOf } from '../instance/facts.ts'
import { type InstanceRoutesDeps, mountInstanceRoutes } from '../instance/routes.ts'
import { mountLogRoutes } from '../log/routes.ts'
import { currentIssuer, currentIssuing } from '../trust/authority/issuers.ts'
import { issueTlsCertificate } from '../trust/authority/issueTlsCertificate.ts'
import { mountRevocations } from '../trust/revocationRoutes.ts'
import { mountTrust, type ValidatorOf } from '../trust/routes.ts'
import type { Instance } from './openInstance.ts'
import { serverErrors } from './serverErrors.ts'

/** Where the TLS certificate comes from: the instance's device root, or the operator's own files. */
export type TlsSource = { readonly certificateFile: string; readonly keyFile: string } | 'device-root'

/** The TLS certificate in use. */
export interface TlsInUse {
  readonly credentials: TlsCredentials
  readonly notAfter: Date
}

/** The three sockets of a running instance. */
export interface Listeners {
  readonly https: HttpServer
  readonly http: HttpServer
  readonly admin: HttpServer
}

/** Who stands behind a request that proves nothing: only the server's own user can open the admin socket. */
const unproven: Partial<Record<ListenerName, Caller>> = { admin: { role: 'operator' } }

/** Looking for a file that is not there is how TUF and tile clients work; nobody was refused anything. */
const lookups: ReadonlySet<string> = new Set(['trust.not-found', 'log.not-found'])

const MAX_PEM_BYTES = 256 * 1024

/** Makes or reads the TLS certificate. */
export async function openTls(instance: Instance, clock: Clock, source: TlsSource): Promise<TlsInUse> {
  if (source === 'device-root') {
    const issuer = currentIssuing(instance.trust.issuing, 'servers')
    const { certificatePem, privateKeyPem, notAfter } = await issueTlsCertificate({ clock, issuer }, instance.facts)
    return { credentials: { certificate: certificatePem, key: privateKeyPem }, notAfter }
  }
  const read = async (file: string) => new TextDecoder().decode(await readBounded(file, MAX_PEM_BYTES))
  const certificate = await read(source.certificateFile)
  const [leaf] = parsePemCertificates(certificate)
  if (leaf === undefined) throw new TypeError(`${source.certificateFile} holds no certificate`)
  return { credentials: { certificate, key: await read(source.keyFile) }, notAfter: leaf.notAfter }
}

/** Makes the sockets and mounts what each of them serves. They do not listen yet. */
export function createListeners(
  instance: Instance,
  deps: {
    logger: Logger
    tls: TlsCredentials
    routes: InstanceRoutesDeps
    broken(error: unknown): void
  },
): Listeners {
  const make = (name: ListenerName, tls?: TlsCredentials) =>
    createHttpServer({
      name,
      logger: deps.logger,
      errors: serverErrors,
      ...(tls && { tls, clientAuthorities: clientAuthorities(instance) }),
      strictTransport: addressesOf(instance.facts).hostName !== 'localhost',
      onRefusal: async ({ code, caller = unproven[name] }) => {
        if (!lookups.has(code)) await instance.audit.refusal({ code, caller })
      },
      onBroken: deps.broken,
    })
  const listeners: Listeners = { https: make('https', deps.tls), http: make('http'), admin: make('admin') }
  const servers = Object.values(listeners)
  const validatorOf: ValidatorOf = async (request) => instance.fleet.callers.validatorOf(request)
  for (const server of servers) {
    mountLogs(instance, server)
    mountInstanceRoutes(server, deps.routes)
  }
  mountTrust(servers, {
    ...instance.trust,
    blobs: instance.storage.blobs,
    tokenIssuers: () => instance.account.issuers.list().map(tokenIssuerOf),
    validatorOf,
  })
  mountRevocations(listeners, {
    facts: instance.facts,
    revocations: instance.revocations,
    policies: { audit: instance.audit, anchors: instance.trust.anchors },
    verifyToken: instance.account.verifyToken,
    validatorOf,
  })
  const { database } = instance.storage
  mountArtifacts(servers, {
    ...instance.artifacts,
    validatorOf,
    devicesOf: (certification) => devicesOf(database, certification),
  })
  mountFleet(servers, instance.fleet)
  mountAccountRoutes(listeners.admin, instance.account)
  mountAccountPages(listeners.https, instance.account)
  return listeners
}

/**
 * The device root, and the authorities for client certificates, so that a caller need not send them along. No other
 * certificate is for clients.
 */
function clientAuthorities({ trust }: Instance): string {
  const named = trust.issuers.filter(({ name }) => name === 'device-root' || name === 'devices')
  return named.map(({ certificate }) => toPem(certificate.raw)).join('')
}

/** An accepted issuer in the words of the Fulcio API. */
function tokenIssuerOf({ url, kind, audience }: AcceptedIssuer): TokenIssuer {
  const email = kind === 'email'
  return { issuerUrl: url, audience, challengeClaim: email ? 'email' : 'sub', issuerType: kind }
}

function mountLogs({ logs, facts, trust }: Instance, server: HttpServer): void {
  const roots = [currentIssuer(trust.issuers, 'code-signing-root').certificate.raw]
  mountLogRoutes(server, { logs, environment: facts.environment, roots })
}

/** Opens the sockets, the public one last, so that whoever reaches it reaches everything. */
export async function listen(
  { https, http, admin }: Listeners,
  at: { folder: string; socketName: string; https: ListenAddress; http: ListenAddress },
): Promise<void> {
  await admin.listen({ path: join(at.folder, at.socketName) })
  await http.listen(at.http)
  await https.listen(at.https)
}
