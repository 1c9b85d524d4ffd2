import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { createHttpServer } from '@countersign/platform/http/server.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { timestampRoute } from '@countersign/protocol/api/timestamps.ts'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { createRoots } from '../packages/server/src/trust/authority/createRoots.ts'
import { currentIssuer, openIssuer } from '../packages/server/src/trust/authority/issuers.ts'
import { readTimestampRequest, stamp } from '../packages/server/src/trust/timestamping/stamp.ts'
import { openTimeFloor } from '../packages/server/src/trust/timestamping/timeFloor.ts'
import { openTrustFixture } from '../packages/server/src/trust/trustFixture.ts'
import type { BenchOptions, BenchResult } from './benchResult.ts'
import { postLoad } from './postLoad.ts'

const DEFAULT_SECONDS = 8
const LIMIT_MS = 2000

/** Timestamps over plain HTTP, requests in DER with a nonce, 32 connections. The limit is bare P-256 signatures on one core. */
export async function run({ say, seconds = DEFAULT_SECONDS }: BenchOptions): Promise<BenchResult> {
  say('making an instance with a timestamp signer')
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const trust = await openTrustFixture(folder, new Date())
  await createRoots(trust, trust.facts)
  const signer = await openIssuer(currentIssuer(await trust.certificates(), 'timestamp-signer'), trust.onlineKeys)
  const authority = { signer, floor: await openTimeFloor({ database: trust.database, clock: systemClock }) }
  const logger = createLogger({ level: 'error', name: 'bench' })
  const server = createHttpServer({ name: 'https', logger, errors: {} })
  server.mount(timestampRoute, async ({ body, mediaType }) => {
    const request = readTimestampRequest(body, mediaType)
    return { bytes: await stamp(authority, request), mediaType: 'application/timestamp-reply' }
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  say(`measuring the limit: P-256 signatures, ${LIMIT_MS / 1000} s`)
  const limit = signaturesPerSecond()
  say(`posting requests for ${seconds} s`)
  const address = server.address()
  const port = address !== undefined && 'port' in address ? address.port : 0
  const { refused, ...load } = await postLoad({
    port,
    path: '/api/v1/timestamp',
    mediaType: 'application/timestamp-query',
    bodies: Array.from({ length: 64 }, () => Buffer.from(newRequest()).toString('base64')),
    connections: 32,
    warmUpMs: 2000,
    measureMs: seconds * 1000,
  })
  await server.close()
  await trust.close()
  await rm(folder, { recursive: true })
  if (refused > 0) throw new Error(`${refused} requests were refused`)
  return {
    name: 'timestamp',
    cores: availableParallelism(),
    ...load,
    rssMb: process.memoryUsage.rss() / 1_048_576,
    limit: { name: 'bare P-256 signatures on one core', value: limit, unit: '/s' },
    ratioToLimit: load.perSecond / limit,
  }
}

function newRequest(): Uint8Array {
  const digest = new Uint8Array(createHash('sha256').update(randomBytes(72)).digest())
  return writeTimestampRequest({ hash: 'sha256', digest, nonce: randomBytes(8).readBigUInt64BE(), certReq: false })
}

function signaturesPerSecond(): number {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const message = randomBytes(150)
  const startMs = performance.now()
  let count = 0
  while (performance.now() - startMs < LIMIT_MS) {
    for (let i = 0; i < 100; i++) sign('sha256', message, privateKey)
    count += 100
  }
  return (count / (performance.now() - startMs)) * 1000
}
