import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestAccount } from '../testAccount.ts'
import { admin, auditKinds } from '../testSignIn.ts'

test('outside issuers are added and removed by the operator, exactly and in the audit log', async (t) => {
  const server = await openTestAccount(t)
  const url = 'https://token.actions.githubusercontent.com'
  const added = await admin(server, 'issuers', { url, kind: 'github-workflow' })
  assert.deepEqual(added, { url, kind: 'github-workflow', audience: 'sigstore', embedded: false })
  const embedded = { url: `${server.publicUrl}/oidc`, kind: 'email', audience: 'sigstore', embedded: true }
  assert.deepEqual(await admin(server, 'issuers'), { issuers: [embedded, added] })
  assert.equal((await admin(server, 'issuers', { url, kind: 'email' })).code, 'account.issuer-exists')
  for (const bad of [
    'http://id.example.org',
    'https://*.example.org',
    'https://id.example.org?x',
    'https://u@id.example.org',
    'HTTPS://id.example.org',
    `${server.publicUrl}/validators`,
    'id',
  ]) {
    assert.equal((await admin(server, 'issuers', { url: bad, kind: 'email' })).code, 'account.issuer-invalid', bad)
  }
  assert.deepEqual(await admin(server, 'issuers/removals', { url }), { url })
  assert.equal((await admin(server, 'issuers/removals', { url })).code, 'account.issuer-unknown')
  assert.equal((await admin(server, 'issuers/removals', { url: embedded.url })).code, 'account.issuer-unknown')
  assert.deepEqual(await auditKinds(server), ['issuer.added', 'issuer.removed'])
  const listed = await admin(server, 'audit?kind=issuer.added')
  assert.equal((listed.lines as unknown[]).length, 1)
})
