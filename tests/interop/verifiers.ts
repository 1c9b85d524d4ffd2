import path from 'node:path'
import type { InstalledTrust } from '../support/installTrust.ts'
import { type RunResult, runProgram } from '../support/runProgram.ts'
import type { Judges } from './installJudges.ts'

/** A program that verifies bundles of one kind. */
export interface VerifyingClient {
  readonly name: string
  /** Asks whether a bundle is good for a file; exit status and output decide. */
  verify(file: string, bundle: string): Promise<RunResult>
  /** True for an answer that means "this is not what was signed", and not any other trouble. */
  isRefusal(answer: RunResult): boolean
  /** False where the program leaves it to its caller whether a statement is about the file. */
  readonly readsSubjects: boolean
}

/** What a program is told to expect: who signed, as whose issuer vouches, and of a statement its type. */
export interface Expected {
  readonly identity: string
  readonly issuer: string
  /** Absent where bytes were signed and no statement. */
  readonly predicateType?: string
}

/** What other people's verifiers stand on. */
export interface VerifierSetting {
  readonly judges: Judges
  readonly trust: InstalledTrust
}

/** Everything of other people's that verifies bundles. */
export function foreignVerifiers(setting: VerifierSetting, expected: Expected): VerifyingClient[] {
  return [cosignVerifier, sigstorePythonVerifier, sigstoreJsVerifier].map((verifier) => verifier(setting, expected))
}

/** The environment in which cosign finds nothing but our trust. */
export function cosignEnvironment({ trust }: VerifierSetting): Readonly<Record<string, string>> {
  return { SSL_CERT_FILE: trust.files.deviceRoot, SSL_CERT_DIR: '/nonexistent', HOME: trust.env.HOME ?? '' }
}

/** cosign; of statements it reads subject and type. */
export function cosignVerifier(setting: VerifierSetting, expected: Expected): VerifyingClient {
  const { judges, trust } = setting
  const { identity, issuer, predicateType } = expected
  const env = cosignEnvironment(setting)
  const what = predicateType === undefined ? ['verify-blob'] : ['verify-blob-attestation', '--type', predicateType]
  const command = [judges.cosign, ...what, '--trusted-root', trust.files.trustedRoot]
  const whom = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer]
  return {
    name: 'cosign',
    verify: (file, bundle) => runProgram([...command, ...whom, '--bundle', bundle, file], { env }),
    isRefusal: ({ status, stderr }) => status !== 0 && /verif|signature|digest|tlog|log entry|bundle/i.test(stderr),
    readsSubjects: true,
  }
}

/** How sigstore-python is started: the program with our trust, and its environment. */
export function sigstorePythonProgram({ judges, trust }: VerifierSetting) {
  const ca = trust.files.deviceRoot
  const env = { REQUESTS_CA_BUNDLE: ca, SSL_CERT_FILE: ca, CURL_CA_BUNDLE: ca, HOME: trust.env.HOME ?? '' }
  return { program: [judges.sigstorePython, '--trust-config', trust.files.trustConfig], env }
}

/** sigstore-python. */
export function sigstorePythonVerifier(setting: VerifierSetting, { identity, issuer }: Expected): VerifyingClient {
  const { program, env } = sigstorePythonProgram(setting)
  const whom = ['--cert-identity', identity, '--cert-oidc-issuer', issuer]
  return {
    name: 'sigstore-python',
    verify: (file, bundle) =>
      runProgram([...program, 'verify', 'identity', ...whom, '--bundle', bundle, file], { env }),
    isRefusal: ({ status, stdout, stderr }) =>
      status !== 0 && !/Traceback/.test(stderr) && /fail|invalid|error/i.test(stdout + stderr),
    readsSubjects: true,
  }
}

/** The program around sigstore-js, whose certificates come from the environment of the process. */
export const sigstoreJsProgram = [process.execPath, path.join(import.meta.dirname, 'sigstoreJs.ts')]

/** @sigstore/verify in a process of its own. */
export function sigstoreJsVerifier({ trust }: VerifierSetting, { identity, issuer }: Expected): VerifyingClient {
  const env = { NODE_EXTRA_CA_CERTS: trust.files.deviceRoot }
  const command = [...sigstoreJsProgram, 'verify', trust.files.trustedRoot]
  return {
    name: 'sigstore-js',
    verify: (file, bundle) => runProgram([...command, file, bundle, identity, issuer], { env }),
    isRefusal: ({ status, stderr }) => status === 1 && /^refused: /m.test(stderr),
    readsSubjects: false,
  }
}
