import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { Updater } from 'tuf-js'
import { callInstance } from '../support/callInstance.ts'
import type { InstalledTrust } from '../support/installTrust.ts'
import type { Instance } from '../support/startInstance.ts'
import type { CertifiedProduct } from './certifiedProduct.ts'
import type { Matrix } from './matrix.ts'

/** Where a release is published and read. */
export interface TufSetting {
  readonly trust: InstalledTrust
  readonly folder: string
  readonly instance: Instance
}

/** The rows and columns of the table. */
export const tufRows = ['release']
export const tufColumns = ['read', 'changed release refused', 'changed list refused', 'repository rolled back refused']

/** Publishes a release and has tuf-js read it, starting from the first root alone, through a mirror that may lie. */
export async function judgeRelease(setting: TufSetting, product: CertifiedProduct, matrix: Matrix): Promise<void> {
  const mirror = await openMirror(`${setting.trust.anchors.httpUrl}/tuf`)
  try {
    const before = await mirror.fetch('/timestamp.json')
    const publish = ['releases', 'publish', product.sha256, '--channel', 'stable']
    const { target } = await setting.instance.admin<{ target: string }>(...publish)
    const client = (name: string) => newClient(path.join(setting.folder, `tuf-${name}`), mirror)
    await matrix.fill('release', 'read', async () => {
      const release = JSON.parse(await (await client('sound'))(target)) as ReleaseJson
      const said = [release.product, release.version, release.artifacts[0]?.sha256]
      if (said.join() !== ['files', product.version, product.sha256].join()) throw new Error(`it says ${said.join()}`)
    })
    const [refused, inRelease, inList] = ['refused', /^\/targets\/releases\//, /^\/\d+\.targets\.json$/] as const
    await matrix.fill('release', 'changed release refused', async () => {
      mirror.lie((name, bytes) => (inRelease.test(name) ? changeDigit(bytes) : bytes))
      await expectRefusal((await client(refused))(target), /hash/i, mirror)
    })
    await matrix.fill('release', 'changed list refused', async () => {
      mirror.lie((name, bytes) => (inList.test(name) ? changeDigit(bytes) : bytes))
      await expectRefusal((await client('list'))(target), /hash/i, mirror)
    })
    await matrix.fill('release', 'repository rolled back refused', async () => {
      // The very client that has read the newer one, so that it knows better.
      mirror.lie((name, bytes) => (name === '/timestamp.json' ? before : bytes))
      await expectRefusal((await client('sound'))(target), /version .* less than/i, mirror)
    })
  } finally {
    mirror.close()
  }
}

interface ReleaseJson {
  readonly product: string
  readonly version: string
  readonly artifacts: readonly { readonly sha256: string }[]
}

type Lie = (name: string, bytes: Uint8Array) => Uint8Array

interface Mirror {
  readonly url: string
  /** From now on this is served in place of the file of a name. */
  lie(how: Lie): void
  /** Whether anything was served that is not the instance's, since `lie` was called. */
  hasLied(): boolean
  /** The file as the instance has it. */
  fetch(name: string): Promise<Uint8Array>
  close(): void
}

async function openMirror(source: string): Promise<Mirror> {
  let lie: Lie = (_name, bytes) => bytes
  let hasLied = false
  const server = createServer((request, response) => {
    const name = request.url ?? '/'
    callInstance(`${source}${name}`).then(
      ({ status, bytes }) => {
        const served = status === 200 ? lie(name, bytes) : bytes
        hasLied ||= !bytes.equals(served)
        response.writeHead(status).end(served)
      },
      () => response.writeHead(502).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lie: (how) => {
      lie = how
      hasLied = false
    },
    hasLied: () => hasLied,
    fetch: async (name) => (await callInstance(`${source}${name}`)).bytes,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** tuf-js with its memory in `home`: refreshes, and gives the text of a target. */
async function newClient(home: string, mirror: Mirror): Promise<(target: string) => Promise<string>> {
  mkdirSync(path.join(home, 'targets'), { recursive: true })
  const root = await mirror.fetch('/1.root.json')
  try {
    writeFileSync(path.join(home, 'root.json'), root, { flag: 'wx' })
  } catch {
    // It has been here before, and knows newer metadata.
  }
  const updater = new Updater({
    metadataDir: home,
    metadataBaseUrl: mirror.url,
    targetDir: path.join(home, 'targets'),
    targetBaseUrl: `${mirror.url}/targets`,
    config: { fetchRetries: 0 },
  })
  return async (target) => {
    await updater.refresh()
    const info = await updater.getTargetInfo(target)
    if (info === undefined) throw new Error(`${target} is not listed`)
    return readFileSync(await updater.downloadTarget(info), 'utf8')
  }
}

/** One digit of the first digest in it, so that it still is JSON of the same form. */
function changeDigit(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8')
  const changed = text.replace(
    /("sha256":\s*")([0-9a-f])/,
    (_all, before, digit) => before + (digit === '0' ? '1' : '0'),
  )
  return Buffer.from(changed)
}

async function expectRefusal(reading: Promise<string>, why: RegExp, mirror: Mirror): Promise<void> {
  const error = await reading.then(
    (text) => new Error(`it was read: ${text}`),
    (error: unknown) => error as Error,
  )
  if (!mirror.hasLied()) throw new Error(`never read what was changed: ${error.message}`)
  if (!why.test(error.message)) throw error
}
