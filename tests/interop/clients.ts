import path from 'node:path'
import type { InstalledTrust } from '../support/installTrust.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import type { PageVisitor } from '../support/pageVisitor.ts'
import { deviceToken } from '../support/people.ts'
import { countersign } from '../support/programs.ts'
import { mustRun, type RunResult, runProgram } from '../support/runProgram.ts'
import type { Judges } from './installJudges.ts'

/** A program that signs blobs and verifies bundles. */
export interface SigningClient {
  readonly name: string
  /** Signs a file and writes the bundle. Rejects where it cannot. */
  sign(file: string, bundle: string): Promise<void>
  /** Asks whether a bundle is good for a file; exit status and output decide. */
  verify(file: string, bundle: string): Promise<RunResult>
  /** True for an answer that means "this is not what was signed", and not any other trouble. */
  isRefusal(answer: RunResult): boolean
}

/** What the clients share: an instance that is trusted, and a person in a browser. */
export interface ClientSetting {
  readonly judges: Judges
  readonly trust: InstalledTrust
  readonly browser: PageVisitor
  readonly email: string
}

/** The four that sign for and verify each other. */
export function signingClients(setting: ClientSetting): SigningClient[] {
  return [cosign(setting), sigstorePython(setting), sigstoreJs(setting), ours(setting)]
}

function issuerOf(setting: ClientSetting): string {
  return `${setting.trust.anchors.url}/oidc`
}

function freshToken(setting: ClientSetting): Promise<string> {
  return deviceToken(issuerOf(setting), setting.browser, setting.trust.ca).then((tokens) => tokens.id_token)
}

/** cosign, signing in by its own device flow. */
function cosign(setting: ClientSetting): SigningClient {
  const { judges, trust, browser, email } = setting
  const env = { SSL_CERT_FILE: trust.files.deviceRoot, SSL_CERT_DIR: '/nonexistent', HOME: trust.env.HOME ?? '' }
  const anchors = ['--trusted-root', trust.files.trustedRoot]
  return {
    name: 'cosign',
    async sign(file, bundle) {
      const flow = ['--fulcio-auth-flow', 'device', '--oidc-disable-ambient-providers', '--yes']
      const config = ['--signing-config', trust.files.signingConfig, ...anchors]
      await runWithDeviceFlow([judges.cosign, 'sign-blob', ...flow, ...config, '--bundle', bundle, file], browser, env)
    },
    verify(file, bundle) {
      const identity = ['--certificate-identity', email, '--certificate-oidc-issuer', issuerOf(setting)]
      return runProgram([judges.cosign, 'verify-blob', ...anchors, ...identity, '--bundle', bundle, file], { env })
    },
    isRefusal: ({ status, stderr }) => status !== 0 && /verif|signature|digest|tlog|log entry|bundle/i.test(stderr),
  }
}

/** sigstore-python, with a token from the standard device-code grant. */
function sigstorePython(setting: ClientSetting): SigningClient {
  const { judges, trust, email } = setting
  const ca = trust.files.deviceRoot
  const env = { REQUESTS_CA_BUNDLE: ca, SSL_CERT_FILE: ca, CURL_CA_BUNDLE: ca, HOME: trust.env.HOME ?? '' }
  const program = [judges.sigstorePython, '--trust-config', trust.files.trustConfig]
  return {
    name: 'sigstore-python',
    async sign(file, bundle) {
      const token = ['--identity-token', await freshToken(setting)]
      await mustRun([...program, 'sign', ...token, '--bundle', bundle, '--overwrite', file], { env })
    },
    verify(file, bundle) {
      const identity = ['--cert-identity', email, '--cert-oidc-issuer', issuerOf(setting)]
      return runProgram([...program, 'verify', 'identity', ...identity, '--bundle', bundle, file], { env })
    },
    isRefusal: ({ status, stdout, stderr }) =>
      status !== 0 && !/Traceback/.test(stderr) && /fail|invalid|error/i.test(stdout + stderr),
  }
}

/** @sigstore/sign and @sigstore/verify in a process of their own, with a token from the standard device-code grant. */
function sigstoreJs(setting: ClientSetting): SigningClient {
  const { trust, email } = setting
  const env = { NODE_EXTRA_CA_CERTS: trust.files.deviceRoot }
  const program = [process.execPath, path.join(import.meta.dirname, 'sigstoreJs.ts')]
  return {
    name: 'sigstore-js',
    async sign(file, bundle) {
      const input = await freshToken(setting)
      await mustRun([...program, 'sign', trust.files.signingConfig, file, bundle], { env, input })
    },
    verify: (file, bundle) =>
      runProgram([...program, 'verify', trust.files.trustedRoot, file, bundle, email, issuerOf(setting)], { env }),
    isRefusal: ({ status, stderr }) => status === 1 && /^refused: /m.test(stderr),
  }
}

/** Our own command line, signed in once by `countersign login`. */
function ours(setting: ClientSetting): SigningClient {
  const { trust, email } = setting
  const { env } = trust
  return {
    name: 'countersign',
    async sign(file, bundle) {
      await mustRun([...countersign, 'sign', '--bundle', bundle, '--yes', file], { env })
    },
    verify: (file, bundle) =>
      runProgram(
        [...countersign, 'verify', '--bundle', bundle, '--identity', email, '--issuer', issuerOf(setting), file],
        { env },
      ),
    isRefusal: ({ status }) => status === 1,
  }
}
