import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { folderBlobs } from '@countersign/platform/blobs/folderBlobs.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { createHttpServer } from '@countersign/platform/http/server.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { addLogEntryRoute } from '@countersign/protocol/api/logs.ts'
import { jsonErrors } from '@countersign/protocol/json/errors.ts'
import { logErrors } from '@countersign/protocol/log/errors.ts'
import { addEntry } from '../packages/server/src/log/addEntry.ts'
import { logKeepingErrors } from '../packages/server/src/log/errors.ts'
import { logMigrations } from '../packages/server/src/log/migrations.ts'
import { openLog } from '../packages/server/src/log/openLog.ts'
import { testSpec } from '../packages/server/src/log/testLog.ts'
import type { BenchOptions, BenchResult } from './benchResult.ts'
import { logLoad } from './logLoad.ts'

const DEFAULT_SECONDS = 4
const LIMIT_MS = 1500
/** The load at which the budget limits latency. */
const PACE_PER_SECOND = 1000
const CONNECTIONS = 256

/**
 * Entries of the artifact log over plain HTTP, each another signature with a certificate, each answered when it is durable
 * and published: `perSecond` with 256 connections, latencies at 1,000 a second. On a real folder and database, with fsync.
 * The limit is bare P-256 verifications on one core: each entry needs one.
 */
export async function run({ say, seconds = DEFAULT_SECONDS }: BenchOptions): Promise<BenchResult> {
  say(`measuring the limit: P-256 verifications, ${LIMIT_MS / 1000} s`)
  const limit = verificationsPerSecond()
  const { port, close } = await openServer()
  const measureMs = seconds * 1000
  say(`logging ${PACE_PER_SECOND} entries a second for ${seconds} s`)
  const entries = PACE_PER_SECOND * seconds
  const paced = await logLoad({ port, connections: CONNECTIONS, entries, pacePerSecond: PACE_PER_SECOND, measureMs })
  say(`logging as many as it takes for ${seconds} s, from ${CONNECTIONS} connections`)
  const full = await logLoad({
    port,
    connections: CONNECTIONS,
    entries: Math.ceil(limit * seconds),
    pacePerSecond: 0,
    measureMs,
  })
  const rssMb = process.memoryUsage.rss() / 1_048_576
  await close()
  const refused = paced.refused + full.refused
  if (refused > 0) throw new Error(`${refused} requests were refused`)
  const { p50Ms, p95Ms, p99Ms, maxMs } = paced
  return {
    name: 'log',
    cores: availableParallelism(),
    perSecond: full.perSecond,
    p50Ms,
    p95Ms,
    p99Ms,
    maxMs,
    rssMb,
    limit: { name: 'bare P-256 verifications on one core', value: limit, unit: '/s' },
    ratioToLimit: full.perSecond / limit,
  }
}

async function openServer() {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const database = Database.openFile(join(folder, 'bench.sqlite'))
  await migrate(database, logMigrations)
  const logger = createLogger({ level: 'error', name: 'bench' })
  const deps = { database, blobs: folderBlobs(join(folder, 'blobs')), clock: systemClock, logger }
  const log = await openLog(deps, { ...testSpec(), limits: {} })
  const errors = { ...jsonErrors, ...logErrors, ...logKeepingErrors }
  const server = createHttpServer({ name: 'https', logger, errors })
  server.mount(addLogEntryRoute, ({ body }) => addEntry(log, body))
  await server.listen({ host: '127.0.0.1', port: 0 })
  const address = server.address()
  const close = async () => {
    await server.close()
    await log.close()
    await database.close()
    await rm(folder, { recursive: true })
  }
  return { port: address !== undefined && 'port' in address ? address.port : 0, close }
}

function verificationsPerSecond(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const message = randomBytes(150)
  const signature = sign('sha256', message, privateKey)
  const startMs = performance.now()
  let count = 0
  while (performance.now() - startMs < LIMIT_MS) {
    for (let i = 0; i < 100; i++) verify('sha256', message, publicKey, signature)
    count += 100
  }
  return (count / (performance.now() - startMs)) * 1000
}
