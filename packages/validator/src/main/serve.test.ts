import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { type ServeOptions, serve } from './serve.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-serve-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What is refused before anything is opened or written. */
async function refused(code: string, options: Partial<ServeOptions>): Promise<void> {
  const sound = { data: join(folder, 'lab'), logLevel: 'error', version: '1' } as const
  await assert.rejects(serve({ ...sound, ...options }), { code })
}

function secretFile(text: string): string {
  const file = join(folder, 'webhook.secret')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

test('validator.path-too-long: the local socket would not fit', async () => {
  await refused('validator.path-too-long', { data: join(folder, 'x'.repeat(100)) })
})

test('validator.listen-invalid: an address that is none, or one of the two options alone', async () => {
  const webhookSecretFile = secretFile('a secret of more than 16 characters')
  await refused('validator.listen-invalid', { listen: '127.0.0.1:9090' })
  await refused('validator.listen-invalid', { webhookSecretFile })
  for (const listen of ['9090', 'host', 'host:70000', '[127.0.0.1]:9090', 'a b:1']) {
    await refused('validator.listen-invalid', { listen, webhookSecretFile })
  }
})

test('watch.webhook-secret-short: fewer than 16 characters can be guessed', async () => {
  const webhookSecretFile = secretFile('fifteen letters')
  await refused('watch.webhook-secret-short', { listen: '127.0.0.1:9090', webhookSecretFile })
})
