import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Route } from '@countersign/protocol/api/route.ts'
import type { StreamedReply, StreamedRequest } from '../anchors/httpExchange.ts'
import { streamedRequest } from '../anchors/streamedRequest.ts'
import { trustedStream } from '../anchors/trustedRequest.ts'
import { errnoOf } from '../errors/errno.ts'
import { filesError } from '../files/errors.ts'
import { writeStreamedFile } from '../files/streamFile.ts'
import { addressOf, type CallInput, type CallReply, type CallTarget, callFailure, readReply, refusal } from './call.ts'

/** What goes into a transfer: `timeoutMs` is the longest silence, not the whole time; 30 seconds where not given. */
export type TransferInput = Pick<CallInput, 'params' | 'query' | 'mediaType' | 'token' | 'timeoutMs' | 'signal'>

/** Where a download goes, and what it must be. */
export interface DownloadGoal {
  readonly path: string
  readonly sha256: Uint8Array
  readonly maxBytes: number
  /** Permission bits; 0644 where not given. */
  readonly mode?: number
}

/** Of an answer that is not the file: a problem document, or what `upload` is told. */
const MAX_ANSWER_BYTES = 256 * 1024
const READ_BYTES = 256 * 1024

/**
 * Fetches the bytes that a route answers into a file, never holding more than a piece. The file appears whole, with the
 * digest that was asked for, durable, or not at all; `point` names the crash point, a literal at the call site.
 * Resolves with the size in bytes. Throws `files.*`, above all `files.digest-wrong`, and what `call` throws.
 */
export async function download(
  target: CallTarget,
  route: Route,
  input: TransferInput,
  goal: DownloadGoal,
  point: string,
): Promise<number> {
  const { path, sha256, maxBytes, mode } = goal
  const reply = await send(target, route, input, { maxBytes: Math.max(maxBytes, MAX_ANSWER_BYTES) })
  if (reply.status !== route.status) throw refusal(route, await whole(reply))
  return writeStreamedFile(path, reply.body, { point, sha256, maxBytes, ...(mode !== undefined && { mode }) })
}

/**
 * Sends the file at `path` as the body of a route, never holding more than a piece. A server that has it already is not
 * sent it again. Throws `files.not-found`, `files.not-readable`, and what `call` throws.
 */
export async function upload<R extends Route>(
  target: CallTarget,
  route: R,
  input: TransferInput,
  path: string,
): Promise<CallReply<R>> {
  const sizeBytes = await sizeOf(path)
  const body = { sizeBytes, open: () => createReadStream(path, { highWaterMark: READ_BYTES }) }
  const headers = { 'content-type': input.mediaType ?? 'application/octet-stream' }
  const reply = await send(target, route, input, { maxBytes: MAX_ANSWER_BYTES, body, headers })
  return readReply(route, await whole(reply))
}

function send(
  target: CallTarget,
  route: Route,
  input: TransferInput,
  parts: Pick<StreamedRequest, 'maxBytes' | 'body' | 'headers'>,
): Promise<StreamedReply> {
  const { token, signal, timeoutMs = 30_000 } = input
  const request = {
    ...parts,
    url: addressOf(target, route, input),
    method: route.method,
    headers: { ...parts.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    stallMs: timeoutMs,
    ...(signal && { signal }),
    fail: callFailure,
  }
  if ('url' in target) return trustedStream(request, target.trust)
  return streamedRequest({ ...request, socketPath: target.socketPath })
}

async function whole({ status, headers, body }: StreamedReply) {
  const bytes = Buffer.concat(await Array.fromAsync(body))
  return { status, headers, bytes: new Uint8Array(bytes) }
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path)
    if (found.isFile()) return found.size
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw filesError('files.not-found', `there is no file ${path}`, { cause: error })
    throw filesError('files.not-readable', `cannot read ${path}: ${errnoOf(error)}`, { cause: error })
  }
  throw filesError('files.not-readable', `${path} is no file`)
}
