import { hash } from 'node:crypto'
import { formatVkey, type NoteKeyType, noteKey } from '../log/note.ts'
import { defaultVerificationPolicy } from './defaultVerificationPolicy.ts'
import type { VerificationPolicy } from './verificationPolicy.ts'

/** A note key for tests that nobody can sign with; the same for the same name. */
export function testVkey(name: string, type: NoteKeyType = 0x01): string {
  return formatVkey(noteKey(name, type, new Uint8Array(hash('sha256', name, 'buffer'))))
}

/** A P-256 key for tests, whose private half was thrown away: base64 of its SubjectPublicKeyInfo. */
export const TEST_SPKI =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4MYgOPIoUTlbqoAuxFrAxTYGbyIJ7QDJtlO40uvgZgaV+kWnnJWCenPWW/4kiagbXE6RTlsCj/72/JmeBKN0PA=='

/** The policy of a new production instance at sign.example.org, for tests. */
export function testPolicy(changes: Partial<VerificationPolicy> = {}): VerificationPolicy {
  const url = 'https://sign.example.org'
  const log = (origin: string, path: string) => ({ origin, key: { vkey: testVkey(origin) }, url: url + path })
  const policy = defaultVerificationPolicy({
    environment: 'production',
    issuer: `${url}/oidc`,
    rootSha256: '11'.repeat(32),
    logs: {
      artifacts: log('sign.example.org', '/api/v2'),
      certificates: {
        origin: 'sign.example.org/ct',
        key: { spki: TEST_SPKI },
        url: `${url}/ct`,
      },
      revocations: log('sign.example.org/production/revocations', '/production/revocations'),
      audit: log('sign.example.org/production/audit', '/production/audit'),
    },
    heartbeat: { name: 'sign.example.org/heartbeat', vkey: testVkey('sign.example.org/heartbeat', 0x04) },
  })
  return { ...policy, ...changes }
}

/** The logs of `testPolicy`, at an address where nobody answers and no name has to be looked up. */
export function unreachableLogs(): VerificationPolicy['logs'] {
  const unreachable = (logs: VerificationPolicy['logs']['artifacts']) =>
    logs.map((log) => ({ ...log, url: 'http://127.0.0.1:1' }))
  const { artifacts, certificates, revocations, audit } = testPolicy().logs
  return {
    artifacts: unreachable(artifacts),
    certificates: unreachable(certificates),
    revocations: unreachable(revocations),
    audit: unreachable(audit),
  }
}
