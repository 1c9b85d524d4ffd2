import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { protoReader } from '../log/protoJson.ts'
import { bundleError } from './errors.ts'
import { parseValidity, type Validity, writeValidity } from './validity.ts'

/** One service that a client may sign with. */
export interface SigningService extends Validity {
  /** Base address; of a timestamp authority the whole address. */
  readonly url: string
  /** 1; of the artifact log 2. */
  readonly majorApiVersion: number
  /** Who runs it: a client takes at most one service of each operator. */
  readonly operator: string
}

/** How many of the services a client uses. `count` only with `EXACT`. */
export interface ServiceSelection {
  readonly selector: 'ALL' | 'ANY' | 'EXACT'
  readonly count?: number
}

/** Where clients sign: SigningConfig v0.2. */
export interface SigningConfig {
  readonly certificateAuthorities: readonly SigningService[]
  readonly identityIssuers: readonly SigningService[]
  readonly artifactLogs: readonly SigningService[]
  readonly artifactLogSelection: ServiceSelection
  readonly timestampAuthorities: readonly SigningService[]
  readonly timestampAuthoritySelection: ServiceSelection
}

/** The media type of SigningConfig v0.2. */
export const SIGNING_CONFIG_MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'

const MAX_SIGNING_CONFIG_BYTES = 256 * 1024
const MAX_SERVICES = 64
const MAX_COUNT = 64
const SELECTORS = { ALL: 1, ANY: 2, EXACT: 3 } as const
const FIELDS = ['mediaType', 'caUrls', 'oidcUrls', 'rekorTlogUrls', 'rekorTlogConfig', 'tsaUrls', 'tsaConfig'] as const
const read = protoReader((message, cause) => malformed(message, cause))

/**
 * Reads a SigningConfig v0.2 strictly: no unknown field, at most 64 services of a kind, at most 256 KiB. Which service is
 * valid now is for the client. Throws `bundle.signing-config-malformed` and the `json.*` codes of `parseJson`.
 */
export function parseSigningConfig(bytes: Uint8Array | string): SigningConfig {
  const fields = read.message(
    parseJson(bytes, { maxBytes: MAX_SIGNING_CONFIG_BYTES, maxDepth: 8 }),
    'the config',
    FIELDS,
  )
  if (fields.mediaType !== SIGNING_CONFIG_MEDIA_TYPE) throw malformed('the media type is not that of v0.2')
  const services = (json: JsonValue | undefined, what: string) => read.list(json, what, MAX_SERVICES).map(parseService)
  return {
    certificateAuthorities: services(fields.caUrls, 'caUrls'),
    identityIssuers: services(fields.oidcUrls, 'oidcUrls'),
    artifactLogs: services(fields.rekorTlogUrls, 'rekorTlogUrls'),
    artifactLogSelection: parseSelection(fields.rekorTlogConfig),
    timestampAuthorities: services(fields.tsaUrls, 'tsaUrls'),
    timestampAuthoritySelection: parseSelection(fields.tsaConfig),
  }
}

/** Writes a SigningConfig v0.2. */
export function writeSigningConfig(config: SigningConfig): JsonValue {
  return {
    mediaType: SIGNING_CONFIG_MEDIA_TYPE,
    caUrls: config.certificateAuthorities.map(writeService),
    oidcUrls: config.identityIssuers.map(writeService),
    rekorTlogUrls: config.artifactLogs.map(writeService),
    rekorTlogConfig: writeSelection(config.artifactLogSelection),
    tsaUrls: config.timestampAuthorities.map(writeService),
    tsaConfig: writeSelection(config.timestampAuthoritySelection),
  }
}

function parseService(json: JsonValue): SigningService {
  const fields = read.message(json, 'a service', ['url', 'majorApiVersion', 'validFor', 'operator'])
  const url = read.text(fields.url, 'url')
  if (!URL.canParse(url)) throw malformed('the address of a service is not a URL')
  return {
    url,
    majorApiVersion: parseSmall(fields.majorApiVersion, 'majorApiVersion'),
    operator: read.text(fields.operator, 'operator'),
    ...parseValidity(read, fields.validFor, malformed),
  }
}

function parseSelection(json: JsonValue | undefined): ServiceSelection {
  const fields = read.message(json, 'a service configuration', ['selector', 'count'])
  const selector = read.enumName(fields.selector, 'selector', SELECTORS)
  const count = parseSmall(fields.count, 'count')
  if ((selector === 'EXACT') !== count > 0) throw malformed('a count stands with EXACT, and only there')
  return count > 0 ? { selector, count } : { selector }
}

function parseSmall(json: JsonValue | undefined, what: string): number {
  const value = read.int64(json, what)
  if (value > BigInt(MAX_COUNT)) throw malformed(`${what} is above ${MAX_COUNT}`)
  return Number(value)
}

function writeService({ url, majorApiVersion, operator, ...validity }: SigningService): JsonValue {
  return { url, majorApiVersion, validFor: writeValidity(validity), operator }
}

function writeSelection({ selector, count }: ServiceSelection): JsonValue {
  return count === undefined ? { selector } : { selector, count }
}

function malformed(message: string, cause?: unknown) {
  return bundleError('bundle.signing-config-malformed', message, { cause })
}
