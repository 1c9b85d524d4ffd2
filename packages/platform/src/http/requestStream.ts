import type { IncomingMessage, ServerResponse } from 'node:http'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { httpError } from './errors.ts'

/** Longest wait for the next bytes of a streamed body, in milliseconds. A whole body may take as long as it is large. */
export const STALL_MS = 60_000

/** Requests whose body is read piece by piece: the time limit for whole requests is not theirs. */
const streaming = new WeakSet<object>()

/** True where the connection carries a streamed body at this moment, which has a limit of its own. */
export function isStreamingBody(socket: object): boolean {
  return streaming.has(socket)
}

/**
 * The body of `request` as it comes; nothing is read before the first piece is asked for, and a caller who waits for
 * permission to send (`Expect: 100-continue`) gets it then. To be read once. Ends with `http.too-large` above `maxBytes`,
 * `http.too-slow` after `STALL_MS` without a byte, and `http.invalid-body` where the caller went away in the middle.
 */
export async function* streamBody(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const { socket, headers } = request
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const stalled = setTimeout(() => request.destroy(httpError('http.too-slow', 'no more bytes came')), STALL_MS)
  streaming.add(socket)
  let sizeBytes = 0
  try {
    if (headers.expect !== undefined) response.writeContinue()
    // Destroyed with the loop, the connection could not carry the refusal.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      stalled.refresh()
      sizeBytes += piece.length
      if (sizeBytes > maxBytes) throw tooLarge(maxBytes)
      yield piece
    }
  } catch (error) {
    if (error instanceof CodedError || !request.destroyed) throw error
    throw httpError('http.invalid-body', 'the body ended before its end', { cause: error })
  } finally {
    clearTimeout(stalled)
    streaming.delete(socket)
  }
}

function tooLarge(maxBytes: number): Error {
  return httpError('http.too-large', `this operation takes at most ${maxBytes} bytes`)
}
