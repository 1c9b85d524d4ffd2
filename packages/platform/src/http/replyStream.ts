import type { ServerResponse } from 'node:http'

/** Longest wait, in milliseconds, for a caller who does not take what was sent. Silence of the sender has no limit. */
const UNREAD_MS = 60_000

/** Sends what `stream` gives, no faster than the caller takes it. Resolves when the stream has ended or the caller is gone. */
export async function sendStream(response: ServerResponse, stream: AsyncIterable<Uint8Array | string>): Promise<void> {
  try {
    for await (const piece of stream) {
      if (response.destroyed) return
      if (!response.write(piece)) await drained(response)
    }
    response.end()
  } catch (error) {
    // The head is out: only a broken connection still tells the caller that this is not the whole answer.
    response.destroy()
    throw error
  }
}

/** Resolves when there is room again, or nobody is left to write to. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const unread = setTimeout(() => response.destroy(), UNREAD_MS)
    const done = () => {
      clearTimeout(unread)
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
    if (response.destroyed) done()
  })
}
