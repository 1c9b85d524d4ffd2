import type { ServerResponse } from 'node:http'
import type { NewsLine, NewsStream } from './reply.ts'

/** Longest wait, in milliseconds, for a caller who does not take what was sent. */
const UNREAD_MS = 60_000

/** Lets `news` write to the caller itself: a recall goes to ten thousand, so nothing may be made for each. Resolves once it ended. */
export function sendNews(response: ServerResponse, news: NewsStream): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve)
    news.attach(lineTo(response))
    if (response.destroyed) resolve()
  })
}

function lineTo(response: ServerResponse): NewsLine {
  let unread: NodeJS.Timeout | undefined
  const taken = () => {
    clearTimeout(unread)
    unread = undefined
  }
  response.on('drain', taken)
  response.once('close', taken)
  return {
    get waitingBytes() {
      return response.writableLength
    },
    send(bytes) {
      if (response.destroyed || response.writableEnded || response.write(bytes)) return
      unread ??= setTimeout(() => response.destroy(), UNREAD_MS)
    },
    end: () => void response.end(),
  }
}
