import { instanceError } from './errors.ts'

/** Said in certificates, policies and log origins; decides which anchors a verification policy may hold. */
export type Environment = 'development' | 'production'

/** What an instance is for good: these values go into certificates and log origins, and never change afterwards. */
export interface InstanceFacts {
  readonly v: 1
  readonly environment: Environment
  /** `https://host[:port]`, no path and no final slash. */
  readonly publicUrl: string
  /** `http://host[:port]`: tiles, CRLs, issuer certificates, TUF and the feed, without TLS. */
  readonly publicHttpUrl: string
  /** RFC 3339. */
  readonly createdAt: string
}

/** What the operator asked for; everything left out has a default. */
export interface RequestedFacts {
  readonly publicUrl?: string | undefined
  readonly publicHttpUrl?: string | undefined
  readonly environment?: string | undefined
  /** Ports of a localhost instance. Default 8443 and 8080. */
  readonly port?: number | undefined
  readonly httpPort?: number | undefined
}

/**
 * The facts of a new instance. Without `publicUrl` it is a development instance on localhost; with one it is production
 * unless development is asked for. Throws `instance.url-invalid`, `instance.environment-invalid`.
 */
export function chooseFacts(requested: RequestedFacts, now: Date): InstanceFacts {
  const publicUrl = readOrigin(requested.publicUrl ?? `https://localhost:${requested.port ?? 8443}`, 'https:')
  const host = new URL(publicUrl).hostname
  const local = host === 'localhost'
  const plainDefault = local ? `http://localhost:${requested.httpPort ?? 8080}` : `http://${host}`
  const publicHttpUrl = readOrigin(requested.publicHttpUrl ?? plainDefault, 'http:')
  const environment = requested.environment ?? (local ? 'development' : 'production')
  if (environment !== 'development' && environment !== 'production') {
    throw instanceError('instance.environment-invalid', `the environment "${environment.slice(0, 40)}" is not known`)
  }
  if (local && environment === 'production') {
    throw instanceError(
      'instance.environment-invalid',
      'a production instance needs a host name that its users can reach',
    )
  }
  return { v: 1, environment, publicUrl, publicHttpUrl, createdAt: now.toISOString() }
}

/** Whether a request to open an instance names other addresses than it has. Throws `instance.other-url`. */
export function requireSameFacts(facts: InstanceFacts, requested: RequestedFacts): void {
  const differences: string[] = []
  const compare = (name: string, has: string, asked: string | undefined) => {
    if (asked !== undefined && asked !== has) differences.push(`${name} is ${has}, not ${asked}`)
  }
  compare('the public URL', facts.publicUrl, requested.publicUrl && readOrigin(requested.publicUrl, 'https:'))
  compare('the plain URL', facts.publicHttpUrl, requested.publicHttpUrl && readOrigin(requested.publicHttpUrl, 'http:'))
  compare('the environment', facts.environment, requested.environment)
  compare('the port', new URL(facts.publicUrl).port || '443', requested.port?.toString())
  compare('the plain port', new URL(facts.publicHttpUrl).port || '80', requested.httpPort?.toString())
  if (differences.length > 0) throw instanceError('instance.other-url', `in this folder ${differences.join(', ')}`)
}

/** Every address and origin that follows from the facts. All of them are permanent. */
export interface Addresses {
  readonly issuer: string
  readonly validators: string
  readonly tuf: string
  readonly plainTuf: string
  readonly timestamp: string
  readonly origins: {
    readonly artifacts: string
    readonly certificates: string
    readonly revocations: string
    readonly audit: string
  }
  /** Host name of the public URL, without port. */
  readonly hostName: string
}

/** Derives the addresses of an instance. The artifact log's origin is the bare host name, because sigstore-go insists on it. */
export function addressesOf(facts: InstanceFacts): Addresses {
  const url = new URL(facts.publicUrl)
  return {
    issuer: `${facts.publicUrl}/oidc`,
    validators: `${facts.publicUrl}/validators`,
    tuf: `${facts.publicUrl}/tuf`,
    plainTuf: `${facts.publicHttpUrl}/tuf`,
    timestamp: `${facts.publicUrl}/api/v1/timestamp`,
    origins: {
      artifacts: url.hostname,
      certificates: `${url.host}/ct`,
      revocations: `${url.host}/${facts.environment}/revocations`,
      audit: `${url.host}/${facts.environment}/audit`,
    },
    hostName: url.hostname,
  }
}

/** The lines shown before an instance is created: what can never be changed afterwards. */
export function describePermanent(facts: InstanceFacts): string[] {
  const addresses = addressesOf(facts)
  return [
    `environment            ${facts.environment}`,
    `public URL             ${facts.publicUrl}`,
    `plain URL              ${facts.publicHttpUrl}`,
    `identity issuer        ${addresses.issuer}`,
    `artifact log           ${addresses.origins.artifacts}`,
    `certificate log        ${addresses.origins.certificates}`,
    `revocation log         ${addresses.origins.revocations}`,
    `audit log              ${addresses.origins.audit}`,
    `CRLs                   ${facts.publicHttpUrl}/crl/<issuer key id>/<shard>.crl`,
    `issuer certificates    ${facts.publicHttpUrl}/issuer/<key id>.cer`,
  ]
}

function readOrigin(text: string, protocol: 'https:' | 'http:'): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare = url && url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password
  if (!url || !bare || url.protocol !== protocol || !isHostName(url.hostname)) {
    throw instanceError('instance.url-invalid', `"${text.slice(0, 200)}" is not of the form ${protocol}//host[:port]`)
  }
  return url.origin
}

/** Bare IP addresses are refused: they cannot be a checkpoint origin that survives a move. */
function isHostName(name: string): boolean {
  return /^(?=.{1,253}$)(?!\d+(\.\d+){3}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(name)
}
