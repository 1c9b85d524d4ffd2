import { generateKeyPairSync } from 'node:crypto'
import { encodeBase64 } from '../json/base64.ts'
import { formatVkey, type NoteKeyType, noteKey } from '../log/note.ts'
import { defaultVerificationPolicy } from './defaultVerificationPolicy.ts'
import type { VerificationPolicy } from './verificationPolicy.ts'

/** A note key for tests, made fresh. */
export function testVkey(name: string, type: NoteKeyType = 0x01): string {
  return formatVkey(noteKey(name, type, testSpki('ed25519')))
}

/** A DER SubjectPublicKeyInfo for tests, made fresh. */
export function testSpki(kind: 'ed25519' | 'p256'): Uint8Array {
  const { publicKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
}

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
        key: { spki: encodeBase64(testSpki('p256')) },
        url: `${url}/ct`,
      },
      revocations: log('sign.example.org/production/revocations', '/production/revocations'),
      audit: log('sign.example.org/production/audit', '/production/audit'),
    },
    heartbeat: { name: 'sign.example.org/heartbeat', vkey: testVkey('sign.example.org/heartbeat', 0x04) },
  })
  return { ...policy, ...changes }
}
