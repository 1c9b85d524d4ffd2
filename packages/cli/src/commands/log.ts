import { existsSync } from 'node:fs'
import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { auditLog } from '@countersign/local/feed/auditLog.ts'
import { followLog } from '@countersign/local/feed/followLog.ts'
import { freshnessOf } from '@countersign/local/feed/freshness.ts'
import { policyLogs } from '@countersign/local/feed/knowledge.ts'
import { type LogKind, logKey } from '@countersign/local/feed/logKey.ts'
import { openLogReader, type ReadDeps } from '@countersign/local/feed/logReader.ts'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { MAX_BUNDLE_BYTES, parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { encodeBase64, equalBytes, toHex } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { type Hash, leafHash, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { logId } from '@countersign/protocol/log/note.ts'
import { inclusionProof } from '@countersign/protocol/log/proof.ts'
import type { PolicyLog } from '@countersign/protocol/policy/verificationPolicy.ts'
import { explainError } from '../output/errorRow.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'

/** What `log prove` takes. */
export interface ProveOptions {
  readonly instance?: string
  /** Where the proof is written as a C2SP tlog-proof. */
  readonly out?: string
}

/** What `log audit` takes. */
export interface AuditOptions {
  readonly instance?: string
  readonly log?: LogKind
  readonly full?: boolean
}

const TIMEOUT_MS = 15_000

/** `countersign log prove`: proves from the tiles that the log holds the signature today, in the tree that it shows everyone. */
export async function prove(name: string, options: ProveOptions, terminal: Terminal): Promise<number> {
  const anchors = await openAnchors(options.instance)
  const path = name.endsWith('.sigstore.json') || !existsSync(`${name}.sigstore.json`) ? name : `${name}.sigstore.json`
  const [entry] = parseBundle(await readBounded(path, MAX_BUNDLE_BYTES)).entries
  if (entry === undefined) throw outputError('cli.usage', `${path} names no log entry`)
  const log = anchors.policy.logs.artifacts.find((one) => equalBytes(logId(logKey(one, 'artifacts')), entry.logId))
  if (log === undefined) throw outputError('cli.usage', `${path} is in a log that ${anchors.url} does not name`)

  const { checkpoint, proof } = await terminal.during(`reading ${log.origin}`, async () => {
    const deps = readDeps(anchors, terminal)
    const { checkpoint } = await followLog(log, 'artifacts', anchors.folder, deps)
    const tiles = openLogReader(log.url, deps).tiles(checkpoint.size)
    return { checkpoint, proof: await inclusionProof(entry.logIndex, checkpoint.size, tiles) }
  })
  const { size, root } = checkpoint
  verifyInclusion({ leaf: leafHash(entry.canonicalizedBody), index: entry.logIndex, size, proof, root })
  const text = proofText(entry.logIndex, proof, checkpoint)
  if (options.out !== undefined) await replaceFile(options.out, Buffer.from(text), { point: 'cli.proof' })
  terminal.line(`${log.origin} holds it as entry ${entry.logIndex} of ${size}; root ${encodeBase64(root)}.`)
  if (options.out !== undefined) terminal.line(`The proof is in ${options.out}.`)
  terminal.result({
    origin: log.origin,
    index: entry.logIndex,
    size,
    root: toHex(root),
    hashes: proof.map(toHex),
    checkpoint: checkpoint.note,
  })
  return 0
}

/**
 * `countersign log audit`: every log must continue what this machine has seen; with `full` every entry is read and hashed
 * again. One log's failure does not hide the others'; returns the exit code of the worst.
 */
export async function audit(options: AuditOptions, terminal: Terminal): Promise<number> {
  const anchors = await openAnchors(options.instance)
  const logs = policyLogs(anchors.policy).filter(({ kind }) => options.log === undefined || kind === options.log)
  const results: object[] = []
  let exit = 0
  for (const { kind, log } of logs) {
    try {
      results.push({ kind, ...(await auditOne(kind, log, anchors, options, terminal)) })
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      const { exit: code, ...explained } = await explainError(error)
      exit = Math.max(exit, code)
      terminal.line(`FAILED  ${kind.padEnd(12)}  ${log.origin}: ${explained.message} (${explained.code})`)
      terminal.line(`        ${explained.whatToDo}`)
      results.push({ kind, origin: log.origin, error: explained })
    }
  }
  terminal.result({ logs: results })
  return exit
}

async function auditOne(kind: LogKind, log: PolicyLog, anchors: Anchors, { full }: AuditOptions, terminal: Terminal) {
  const deps = readDeps(anchors, terminal)
  const { checkpoint } = await terminal.during(`following ${log.origin}`, () =>
    followLog(log, kind, anchors.folder, deps),
  )
  const { size, root } = checkpoint
  if (full) {
    await terminal.during(`reading ${log.origin}`, (say) =>
      auditLog(checkpoint, openLogReader(log.url, deps), {
        kind: kind === 'certificates' ? 'data' : 'entries',
        signal: terminal.signal,
        progress: (done) => say(`${done} of ${size}`),
      }),
    )
  }
  const freshness = freshnessOf(checkpoint.note, anchors.policy.witnesses)
  const seen = `${freshness.time?.toISOString() ?? 'no time by the policy’s witnesses'}${freshness.witnessed ? '' : ', unwitnessed'}`
  terminal.line(
    `passed  ${kind.padEnd(12)}  ${log.origin}: ${size} entries, ${full ? 'all read again' : 'consistent'}, ${seen}`,
  )
  return { origin: log.origin, size, root: toHex(root), full: full === true, freshness: freshness.time?.toISOString() }
}

function readDeps(anchors: Anchors, { signal }: Terminal): ReadDeps {
  return { clock: systemClock, trust: tlsTrust(anchors), timeoutMs: TIMEOUT_MS, signal }
}

/** C2SP tlog-proof, version 1. */
function proofText(index: bigint, proof: readonly Hash[], { note }: VerifiedCheckpoint): string {
  const hashes = proof.map((hash) => `${encodeBase64(hash)}\n`).join('')
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${hashes}\n${note}`
}
