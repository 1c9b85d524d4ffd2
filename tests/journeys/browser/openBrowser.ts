import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:tls'
import { type BrowserContext, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** Where Chromium is. Throws where it is not: a browser test without a browser has shown nothing. */
export function findChromium(): string {
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  const found = folders.flatMap((folder) => names.map((name) => path.join(folder, name))).find(isProgram)
  if (found !== undefined) return found
  throw new Error(`none of ${names.join(', ')} is on PATH; on Debian: apt-get install chromium`)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * A Chromium that nobody has used, with scripts switched off. Of unknown authorities it takes one certificate: the one that the
 * instance shows now and that `ca` (PEM of its device root) vouches for.
 */
export async function openBrowser(options: {
  readonly program: string
  /** Where it keeps its profile. */
  readonly folder: string
  readonly instanceUrl: string
  readonly ca: string
}): Promise<BrowserContext> {
  const { program, folder, instanceUrl, ca } = options
  const quiet = ['background-networking', 'component-update', 'sync', 'gpu', 'default-apps', 'extensions']
  return chromium.launchPersistentContext(folder, {
    executablePath: program,
    headless: true,
    javaScriptEnabled: false,
    viewport: { width: 1280, height: 900 },
    args: [
      ...quiet.map((what) => `--disable-${what}`),
      ...['--no-first-run', `--ignore-certificate-errors-spki-list=${await shownKey(instanceUrl, ca)}`],
      // Chromium refuses to run as root with its own sandbox.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  })
}

/** Base64 SHA-256 of the public key of the TLS certificate that the instance shows. */
async function shownKey(instanceUrl: string, ca: string): Promise<string> {
  const { hostname, port } = new URL(instanceUrl)
  const socket = connect({ host: '127.0.0.1', port: Number(port || 443), servername: hostname, ca })
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerCertificate()
  socket.destroy()
  const spki = new X509Certificate(raw).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64')
}
