import path from 'node:path'
import type { InstalledTrust } from '../support/installTrust.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import type { PageVisitor } from '../support/pageVisitor.ts'
import { deviceToken } from '../support/people.ts'
import { countersign } from '../support/programs.ts'
import { mustRun, type RunResult, runProgram } from '../support/runProgram.ts'
import type { Judges } from './installJudges.ts'
import { predicateType, writePredicate, writeStatement } from './statement.ts'

/** What is signed: a file's bytes, or an in-toto statement about the file in a DSSE envelope. */
export type Signed = 'blob' | 'statement'

/** A program that signs and verifies bundles of one kind. */
export interface SigningClient {
  readonly name: string
  /** Signs a file and writes the bundle. Rejects where it cannot. Absent where the program only verifies. */
  sign?(file: string, bundle: string): Promise<void>
  /** Asks whether a bundle is good for a file; exit status and output decide. */
  verify(file: string, bundle: string): Promise<RunResult>
  /** True for an answer that means "this is not what was signed", and not any other trouble. */
  isRefusal(answer: RunResult): boolean
  /** False where the program leaves it to its caller whether a statement is about the file. */
  readonly readsSubjects: boolean
}

/** What the clients share: an instance that is trusted, and a person in a browser. */
export interface ClientSetting {
  readonly judges: Judges
  readonly trust: InstalledTrust
  readonly browser: PageVisitor
  readonly email: string
}

/** The four that sign for and verify each other. */
export function signingClients(setting: ClientSetting, signed: Signed): SigningClient[] {
  return [cosign, sigstorePython, sigstoreJs, ours].map((client) => client(setting, signed))
}

function issuerOf(setting: ClientSetting): string {
  return `${setting.trust.anchors.url}/oidc`
}

function freshToken(setting: ClientSetting): Promise<string> {
  return deviceToken(issuerOf(setting), setting.browser, setting.trust.ca).then((tokens) => tokens.id_token)
}

/** cosign, signing in by its own device flow. */
function cosign(setting: ClientSetting, signed: Signed): SigningClient {
  const { judges, trust, browser, email } = setting
  const env = { SSL_CERT_FILE: trust.files.deviceRoot, SSL_CERT_DIR: '/nonexistent', HOME: trust.env.HOME ?? '' }
  const anchors = ['--trusted-root', trust.files.trustedRoot]
  const type = ['--type', predicateType]
  // From a predicate alone it would write a statement v0.1, which sigstore-python does not read.
  const signing = (file: string) =>
    signed === 'blob' ? ['sign-blob'] : ['attest-blob', ...type, '--statement', writeStatement(file)]
  const verifying = signed === 'blob' ? ['verify-blob'] : ['verify-blob-attestation', ...type]
  return {
    name: 'cosign',
    async sign(file, bundle) {
      const flow = ['--fulcio-auth-flow', 'device', '--oidc-disable-ambient-providers', '--yes']
      const config = ['--signing-config', trust.files.signingConfig, ...anchors]
      await runWithDeviceFlow(
        [judges.cosign, ...signing(file), ...flow, ...config, '--bundle', bundle, file],
        browser,
        env,
      )
    },
    verify(file, bundle) {
      const identity = ['--certificate-identity', email, '--certificate-oidc-issuer', issuerOf(setting)]
      return runProgram([judges.cosign, ...verifying, ...anchors, ...identity, '--bundle', bundle, file], { env })
    },
    isRefusal: ({ status, stderr }) => status !== 0 && /verif|signature|digest|tlog|log entry|bundle/i.test(stderr),
    readsSubjects: true,
  }
}

/** sigstore-python, with a token from the standard device-code grant. */
function sigstorePython(setting: ClientSetting, signed: Signed): SigningClient {
  const { judges, trust, email } = setting
  const ca = trust.files.deviceRoot
  const env = { REQUESTS_CA_BUNDLE: ca, SSL_CERT_FILE: ca, CURL_CA_BUNDLE: ca, HOME: trust.env.HOME ?? '' }
  const program = [judges.sigstorePython, '--trust-config', trust.files.trustConfig]
  const statement = ['attest', '--predicate-type', predicateType]
  const signing = (file: string) => (signed === 'blob' ? ['sign'] : [...statement, '--predicate', writePredicate(file)])
  return {
    name: 'sigstore-python',
    async sign(file, bundle) {
      const token = ['--identity-token', await freshToken(setting)]
      await mustRun([...program, ...signing(file), ...token, '--bundle', bundle, '--overwrite', file], { env })
    },
    verify(file, bundle) {
      const identity = ['--cert-identity', email, '--cert-oidc-issuer', issuerOf(setting)]
      return runProgram([...program, 'verify', 'identity', ...identity, '--bundle', bundle, file], { env })
    },
    isRefusal: ({ status, stdout, stderr }) =>
      status !== 0 && !/Traceback/.test(stderr) && /fail|invalid|error/i.test(stdout + stderr),
    readsSubjects: true,
  }
}

/** @sigstore/sign and @sigstore/verify in a process of their own, with a token from the standard device-code grant. */
function sigstoreJs(setting: ClientSetting, signed: Signed): SigningClient {
  const { trust, email } = setting
  const env = { NODE_EXTRA_CA_CERTS: trust.files.deviceRoot }
  const program = [process.execPath, path.join(import.meta.dirname, 'sigstoreJs.ts')]
  return {
    name: 'sigstore-js',
    async sign(file, bundle) {
      const input = await freshToken(setting)
      const statement = signed === 'blob' ? [] : [writeStatement(file)]
      await mustRun([...program, 'sign', trust.files.signingConfig, file, bundle, ...statement], { env, input })
    },
    verify: (file, bundle) =>
      runProgram([...program, 'verify', trust.files.trustedRoot, file, bundle, email, issuerOf(setting)], { env }),
    isRefusal: ({ status, stderr }) => status === 1 && /^refused: /m.test(stderr),
    readsSubjects: false,
  }
}

/** Our own command line, signed in once by `countersign login`. It signs no statements. */
function ours(setting: ClientSetting, signed: Signed): SigningClient {
  const { trust, email } = setting
  const { env } = trust
  return {
    name: 'countersign',
    ...(signed === 'blob' && {
      sign: async (file: string, bundle: string) => {
        await mustRun([...countersign, 'sign', '--bundle', bundle, '--yes', file], { env })
      },
    }),
    verify: (file, bundle) =>
      runProgram(
        [...countersign, 'verify', '--bundle', bundle, '--identity', email, '--issuer', issuerOf(setting), file],
        { env },
      ),
    isRefusal: ({ status }) => status === 1,
    readsSubjects: true,
  }
}
