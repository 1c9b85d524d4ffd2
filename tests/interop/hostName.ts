import { lookup } from 'node:dns/promises'
import { readFileSync, writeFileSync } from 'node:fs'

const hosts = '/etc/hosts'

/**
 * Runs `work` with a host name that leads to the loopback address. As root that is `wanted`, for the time being in the table of
 * host names; otherwise `localhost`.
 */
export async function withHostName<Result>(
  wanted: string,
  work: (hostName: string) => Promise<Result>,
): Promise<Result> {
  if (process.getuid?.() !== 0) return work('localhost')
  const before = readFileSync(hosts, 'utf8')
  if (before.includes(wanted)) return work(wanted)
  const line = `127.0.0.1 ${wanted}\n`
  writeFileSync(hosts, `${before.replace(/\n?$/, '\n')}${line}`)
  try {
    const { address } = await lookup(wanted)
    if (address !== '127.0.0.1') throw new Error(`${wanted} leads to ${address}`)
    return await work(wanted)
  } finally {
    writeFileSync(hosts, readFileSync(hosts, 'utf8').replace(line, ''))
  }
}
