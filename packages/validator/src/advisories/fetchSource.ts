import { getCACertificates } from 'node:tls'
import { boundedRequest } from '@countersign/local/anchors/boundedRequest.ts'
import type { RequestFailure } from '@countersign/local/anchors/httpExchange.ts'
import { compareTimes, MAX_ADVISORY_BYTES } from '@countersign/protocol/osv/advisory.ts'
import { type AdvisoryIndex, ecosystemsOf } from './advisoryIndex.ts'
import { type ChangeLine, isNewestFirst, readChangeList } from './changeList.ts'
import { advisoriesError } from './errors.ts'
import { MAX_ZIP_BYTES, readZip } from './readZip.ts'
import { RecordCollector, type SourceContent, wholeOf } from './sourceContent.ts'

/** How an address is asked. */
export interface FetchOptions {
  /** Plain HTTP also to other machines; loopback is always allowed. */
  readonly allowPlainHttp?: boolean
  readonly signal?: AbortSignal
}

const MAX_LIST_BYTES = 256 * 1024 * 1024
const MAX_NAMES_BYTES = 64 * 1024
const MAX_ECOSYSTEMS = 200
const TIMEOUT_MS = 30 * 60_000
const RECORD_TIMEOUT_MS = 60_000
/** Above this many changed records one zip file is less work than each of them. */
const MAX_SINGLE_RECORDS = 200
const ECOSYSTEM = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/

/**
 * The zip files behind an address of the OSV bulk layout: itself where it names one; for a base that lists its ecosystems
 * in `ecosystems.txt` the `all.zip` of each; else `all.zip` in it. Throws `advisories.plain-http`,
 * `advisories.source-unreachable`, `advisories.source-untrusted`, `advisories.not-osv`.
 */
export async function zipAddresses(address: string, options: FetchOptions): Promise<string[]> {
  const url = checkedUrl(address, options)
  if (url.pathname.endsWith('.zip')) return [url.href]
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  const list = await fetchOptional(new URL('ecosystems.txt', url).href, MAX_NAMES_BYTES, options)
  if (list === undefined) return [new URL('all.zip', url).href]
  const names = Buffer.from(list).toString('utf8').split(/\r?\n/).filter(Boolean)
  if (names.length === 0 || names.length > MAX_ECOSYSTEMS || !names.every((name) => ECOSYSTEM.test(name))) {
    throw advisoriesError('advisories.not-osv', 'ecosystems.txt is not a list of ecosystems')
  }
  return names.map((name) => new URL(`${encodeURIComponent(name)}/all.zip`, url).href)
}

/**
 * Reads what is behind the address of a zip file. Where `modified_id.csv` beside it and the `cursor` of the last time show
 * that little has changed, only those records are fetched. Throws as `zipAddresses`, and as `readZip`.
 */
export async function fetchSource(
  zip: string,
  { index, cursor }: { readonly index: AdvisoryIndex; readonly cursor: string | null },
  options: FetchOptions,
): Promise<SourceContent> {
  checkedUrl(zip, options)
  const list = await fetchOptional(new URL('modified_id.csv', zip).href, MAX_LIST_BYTES, options)
  const lines = list === undefined ? undefined : readChangeList(list)
  const newest = lines === undefined ? undefined : newestOf(lines)
  const isKnown = lines !== undefined && cursor !== null
  const changed = isKnown ? await fetchChanged(zip, lines, { index, cursor }, options) : undefined
  const content = changed ?? (await fetchAll(zip, options))
  return newest === undefined ? content : { ...content, cursor: newest }
}

async function fetchAll(zip: string, options: FetchOptions): Promise<SourceContent> {
  const collector = new RecordCollector()
  const bytes = await fetchOptional(zip, MAX_ZIP_BYTES, options)
  if (bytes === undefined) throw advisoriesError('advisories.source-unreachable', `${zip} is not there`)
  await readZip(bytes, collector)
  collector.endFolder(folderOf(zip))
  return collector.finish(zip, { sample: false, live: true, whole: true })
}

/** Undefined where the zip file has to be fetched: many changes, or a list that does not say what changed. */
async function fetchChanged(
  zip: string,
  lines: readonly ChangeLine[],
  { index, cursor }: { readonly index: AdvisoryIndex; readonly cursor: string },
  options: FetchOptions,
): Promise<SourceContent | undefined> {
  if (!isNewestFirst(lines) || cursor.startsWith('0001-')) return undefined
  const changed = lines.filter(({ id, modified }) => {
    const known = index.get(id)?.advisory
    return known === undefined || compareTimes(modified, known.modified) > 0
  })
  if (changed.length > MAX_SINGLE_RECORDS) return undefined
  const records: SourceContent['records'] = new Map()
  const collector = new RecordCollector()
  for (const { id } of changed) {
    const address = new URL(`${encodeURIComponent(id)}.json`, zip).href
    const bytes = await fetchOptional(address, MAX_ADVISORY_BYTES, { ...options }, RECORD_TIMEOUT_MS)
    if (bytes === undefined) return undefined
    collector.add(`${id}.json`, bytes)
  }
  const about = { sample: false, live: true, whole: false }
  const found = changed.length === 0 ? { records, refused: [] } : collector.finish(zip, about)
  const ids = new Set(lines.map(({ id }) => id))
  // With what is known already and still listed, the changed records make up all that the publisher has.
  const kept = [...index.all()].filter(({ source, advisory }) => source === zip && ids.has(advisory.id))
  const all = [...kept.map(({ advisory }) => advisory), ...found.records.values()]
  const whole = wholeOf(folderOf(zip), new Set(all.flatMap((advisory) => [...ecosystemsOf(advisory)])))
  return { source: zip, sample: false, live: true, ...found, ids, whole }
}

/** The last folder of an address: in the bulk layout the name of the ecosystem. */
function folderOf(zip: string): string {
  return decodeURIComponent(new URL(zip).pathname.split('/').at(-2) ?? '')
}

function newestOf(lines: readonly ChangeLine[]): string | undefined {
  return lines.reduce<string | undefined>(
    (newest, { modified }) => (newest === undefined || compareTimes(modified, newest) > 0 ? modified : newest),
    undefined,
  )
}

/** Undefined where the server says that there is no such thing. */
async function fetchOptional(
  url: string,
  maxBytes: number,
  { signal }: FetchOptions,
  timeoutMs = TIMEOUT_MS,
): Promise<Uint8Array | undefined> {
  const { status, bytes } = await boundedRequest({
    url,
    maxBytes,
    timeoutMs,
    fail,
    ...(url.startsWith('https:') && { ca: trusted() }),
    ...(signal !== undefined && { signal }),
  })
  if (status === 200) return bytes
  // Object stores answer 403 for what is not there.
  if (status === 404 || status === 403 || status === 410) return undefined
  throw advisoriesError('advisories.source-unreachable', `${new URL(url).host} answered with status ${status}`)
}

let certificates: string[] | undefined

/** What this system trusts, beside what the runtime brings and NODE_EXTRA_CA_CERTS adds. */
function trusted(): string[] {
  certificates ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
  return certificates
}

function fail(failure: RequestFailure, message: string, cause?: unknown): Error {
  const code =
    failure === 'too-large' ? 'too-large' : failure === 'untrusted' ? 'source-untrusted' : 'source-unreachable'
  return advisoriesError(`advisories.${code}`, message, { cause })
}

function checkedUrl(address: string, { allowPlainHttp = false }: FetchOptions): URL {
  const url = URL.parse(address)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw advisoriesError('advisories.source-missing', 'the address is not an http or https URL')
  }
  if (url.username !== '' || url.password !== '') {
    throw advisoriesError('advisories.source-missing', 'the address holds a password, which would end up in logs')
  }
  const isLoopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'http:' && !isLoopback && !allowPlainHttp) {
    throw advisoriesError('advisories.plain-http', `${url.host} is another machine`)
  }
  return url
}
