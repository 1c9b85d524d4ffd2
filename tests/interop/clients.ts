import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { InstalledTrust } from '../support/installTrust.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import type { PageVisitor } from '../support/pageVisitor.ts'
import { deviceToken } from '../support/people.ts'
import { countersign } from '../support/programs.ts'
import { mustRun, runProgram } from '../support/runProgram.ts'
import { predicateType, writePredicate, writeStatement } from './statement.ts'
import {
  cosignEnvironment,
  cosignVerifier,
  type Expected,
  sigstoreJsProgram,
  sigstoreJsVerifier,
  sigstorePythonProgram,
  sigstorePythonVerifier,
  type VerifierSetting,
  type VerifyingClient,
} from './verifiers.ts'

/** What is signed: a file's bytes, or an in-toto statement about the file in a DSSE envelope. */
export type Signed = 'blob' | 'statement'

/** A program that signs and verifies bundles of one kind. */
export interface SigningClient extends VerifyingClient {
  /** Signs a file and writes the bundle. Rejects where it cannot. Absent where the program only verifies. */
  sign?(file: string, bundle: string): Promise<void>
}

/** What the clients share: an instance that is trusted, and a person in a browser. */
export interface ClientSetting extends VerifierSetting {
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

function expected(setting: ClientSetting, signed: Signed): Expected {
  const whom = { identity: setting.email, issuer: issuerOf(setting) }
  return signed === 'blob' ? whom : { ...whom, predicateType }
}

function freshToken(setting: ClientSetting): Promise<string> {
  return deviceToken(issuerOf(setting), setting.browser, setting.trust.ca).then((tokens) => tokens.id_token)
}

/** cosign, signing in by its own device flow. */
function cosign(setting: ClientSetting, signed: Signed): SigningClient {
  const { judges, trust, browser } = setting
  const env = cosignEnvironment(setting)
  const anchors = ['--trusted-root', trust.files.trustedRoot]
  // From a predicate alone it would write a statement v0.1, which sigstore-python does not read.
  const signing = (file: string) =>
    signed === 'blob' ? ['sign-blob'] : ['attest-blob', '--type', predicateType, '--statement', writeStatement(file)]
  return {
    ...cosignVerifier(setting, expected(setting, signed)),
    async sign(file, bundle) {
      const flow = ['--fulcio-auth-flow', 'device', '--oidc-disable-ambient-providers', '--yes']
      const config = ['--signing-config', trust.files.signingConfig, ...anchors]
      await runWithDeviceFlow(
        [judges.cosign, ...signing(file), ...flow, ...config, '--bundle', bundle, file],
        browser,
        env,
      )
    },
  }
}

/** sigstore-python, with a token from the standard device-code grant. */
function sigstorePython(setting: ClientSetting, signed: Signed): SigningClient {
  const { program, env } = sigstorePythonProgram(setting)
  const statement = ['attest', '--predicate-type', predicateType]
  const signing = (file: string) => (signed === 'blob' ? ['sign'] : [...statement, '--predicate', writePredicate(file)])
  return {
    ...sigstorePythonVerifier(setting, expected(setting, signed)),
    async sign(file, bundle) {
      const token = ['--identity-token', await freshToken(setting)]
      await mustRun([...program, ...signing(file), ...token, '--bundle', bundle, '--overwrite', file], { env })
    },
  }
}

/** @sigstore/sign and @sigstore/verify, with a token from the standard device-code grant. */
function sigstoreJs(setting: ClientSetting, signed: Signed): SigningClient {
  const { files } = setting.trust
  const env = { NODE_EXTRA_CA_CERTS: files.deviceRoot }
  return {
    ...sigstoreJsVerifier(setting, expected(setting, signed)),
    async sign(file, bundle) {
      const input = await freshToken(setting)
      const statement = signed === 'blob' ? [] : [writeStatement(file)]
      const command = [...sigstoreJsProgram, 'sign', files.signingConfig, file, bundle, ...statement]
      await mustRun(command, { env, input })
    },
  }
}

/** Our own command line, signed in once by `countersign login`. It signs no statements, and is asked about signatures alone. */
function ours(setting: ClientSetting, signed: Signed): SigningClient {
  const { trust, email } = setting
  const { env } = trust
  const whom = ['--identity', email, '--issuer', issuerOf(setting), '--policy', writeSignaturePolicy(trust)]
  return {
    name: 'countersign',
    ...(signed === 'blob' && {
      sign: async (file: string, bundle: string) => {
        await mustRun([...countersign, 'sign', '--bundle', bundle, '--yes', file], { env })
      },
    }),
    verify: (file, bundle) => runProgram([...countersign, 'verify', ...whom, '--bundle', bundle, file], { env }),
    isRefusal: ({ status }) => status === 1,
    readsSubjects: true,
  }
}

/** The instance's own policy without its wish for a certification. Returns the name of the file. */
function writeSignaturePolicy({ anchors, files }: InstalledTrust): string {
  const policy = JSON.parse(Buffer.from(anchors.target('verification_policy.json')).toString('utf8'))
  const file = path.join(path.dirname(files.trustedRoot), 'signatures.policy.json')
  writeFileSync(file, JSON.stringify({ ...policy, validators: { required: 0, of: [] } }))
  return file
}
