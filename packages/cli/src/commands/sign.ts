import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { explainError } from '../output/errorRow.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { type Artifact, parseDigest, readArtifact } from './artifact.ts'
import { confirmPublicFacts } from './publicFacts.ts'
import { openSigner, type Signer } from './signer.ts'

/** What `countersign sign` takes. */
export interface SignOptions {
  /** `sha256:<hex>` in place of files. */
  readonly digest?: string
  /** Where the one bundle goes. */
  readonly bundle?: string
  readonly yes?: boolean
  readonly instance?: string
  /** A file with an identity token of an accepted issuer, for build jobs; in place of a sign-in. */
  readonly tokenFile?: string
}

/** Enough to keep a round trip in flight while another file is read; more would only queue at the log. */
const PARALLEL = 4

interface Signed {
  readonly artifact: string
  readonly digest?: string
  readonly bundle?: string
  readonly logIndex?: bigint
  readonly error?: { readonly code: string; readonly message: string; readonly whatToDo: string }
}

/**
 * `countersign sign`: one bundle for each artifact, written only after it verified. One file's failure does not stop the
 * others; the exit code is that of the worst.
 */
export async function sign(names: readonly string[], options: SignOptions, terminal: Terminal): Promise<number> {
  const artifacts = listArtifacts(names, options, terminal.signal)
  const anchors = await openAnchors(options.instance)
  await confirmPublicFacts(anchors, options.yes === true, terminal)
  const signer = await terminal.during('getting an identity', () => openSigner(anchors, options, terminal))
  let exit = 0
  const results: Signed[] = []
  await terminal.during(artifacts.length === 1 ? 'signing' : `signing ${artifacts.length} files`, async (say) => {
    await inParallel(artifacts, async (read) => {
      const { result, code } = await signOne(read, options, signer, terminal)
      exit = Math.max(exit, code)
      results.push(result)
      say(`${results.length} of ${artifacts.length}`)
    })
  })
  terminal.signal.throwIfAborted()
  terminal.result(artifacts.length === 1 ? (results[0] ?? {}) : { signed: results })
  return exit
}

type ReadArtifact = { readonly name: string; read(): Promise<Artifact> }

/** Standard input holds one artifact, and a digest is one; both need `--bundle`, as nothing says where the bundle goes. */
function listArtifacts(names: readonly string[], { digest, bundle }: SignOptions, signal: AbortSignal): ReadArtifact[] {
  if (digest !== undefined) {
    if (names.length > 0) throw outputError('cli.usage', 'give files or --digest, not both')
    if (bundle === undefined) throw outputError('cli.usage', '--digest needs --bundle <file>')
    const bytes = parseDigest(digest)
    return [{ name: digest, read: async () => ({ name: digest, digest: bytes }) }]
  }
  if (names.length === 0) throw outputError('cli.usage', 'name at least one file, or - for standard input')
  if (bundle !== undefined && names.length > 1) throw outputError('cli.usage', '--bundle goes with exactly one file')
  if (names.includes('-') && (bundle === undefined || names.length > 1)) {
    throw outputError('cli.usage', 'standard input is signed alone and needs --bundle <file>')
  }
  return [...new Set(names)].map((name) => ({ name, read: () => readArtifact(name, 'sha256', signal) }))
}

async function signOne(
  { name, read }: ReadArtifact,
  options: SignOptions,
  signer: Signer,
  terminal: Terminal,
): Promise<{ result: Signed; code: number }> {
  try {
    const artifact = await read()
    const path = options.bundle ?? artifact.bundlePath
    if (path === undefined) throw outputError('cli.usage', `${name} needs --bundle <file>`)
    const { bundle, verified } = await signer.sign(artifact.digest)
    await replaceFile(path, Buffer.from(bundle), { point: 'cli.bundle' })
    const { index, origin } = verified.entry
    terminal.line(`signed  ${name}  ${path}  (${origin}, entry ${index})`)
    return { result: { artifact: name, digest: toHex(artifact.digest), bundle: path, logIndex: index }, code: 0 }
  } catch (error) {
    terminal.signal.throwIfAborted()
    if (!(error instanceof CodedError)) throw error
    const { exit, ...explained } = await explainError(error)
    terminal.note(`not signed  ${name}: ${explained.message} (${explained.code})\n  ${explained.whatToDo}`)
    return { result: { artifact: name, error: explained }, code: exit }
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker))
}
