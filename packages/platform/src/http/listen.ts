import type { Server } from 'node:http'
import { createConnection } from 'node:net'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { removeFile } from '@countersign/local/files/durable.ts'
import { httpError } from './errors.ts'

/** Where a server listens: a TCP address (port 0: any free one), or a local socket that only this user can open. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/**
 * Binds `server`. Throws `http.address-in-use`, `http.cannot-listen`.
 * A local socket that a dead process left is replaced; one that answers is in use.
 */
export async function listenOn(server: Server, address: ListenAddress): Promise<void> {
  if ('path' in address) await removeDeadSocket(address.path)
  try {
    await bind(server, address)
  } catch (error) {
    throw listenFailure(address, error)
  }
}

function bind(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    if (!('path' in address)) return void server.listen(address)
    // The file is made inside this call, so nobody else can ever open it, not even for a moment.
    const umask = process.umask(0o177)
    try {
      server.listen(address)
    } finally {
      process.umask(umask)
    }
  })
}

async function removeDeadSocket(path: string): Promise<void> {
  const errno = await new Promise<string | undefined>((resolve) => {
    const probe = createConnection(path)
    probe.once('error', (error) => resolve(errnoOf(error)))
    probe.once('connect', () => {
      probe.destroy()
      resolve(undefined)
    })
  })
  if (errno === 'ECONNREFUSED') await removeFile(path, { point: 'http.socket' })
}

function listenFailure(address: ListenAddress, error: unknown): unknown {
  const errno = errnoOf(error)
  const where = 'path' in address ? address.path : `${address.host} port ${address.port}`
  if (errno === 'EADDRINUSE') {
    return httpError('http.address-in-use', `another process listens on ${where}`, { cause: error })
  }
  return httpError('http.cannot-listen', `cannot listen on ${where}: ${errno ?? 'unknown reason'}`, { cause: error })
}
