import assert from 'node:assert/strict'
import { generateKeyPairSync, KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { exportJWK } from 'jose'
import type { Fetch } from './fetchJson.ts'
import { OutsideKeys } from './outsideKeys.ts'

const ISSUER = 'https://id.example.org/tenant'
const DISCOVERY = `${ISSUER}/.well-known/openid-configuration`
const jwk = { ...(await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)), kid: 'k1' }

type Answers = Record<string, () => Response>

function setUp(answers: Answers) {
  const asked: string[] = []
  const fetch: Fetch = async (url) => {
    asked.push(url)
    const answer = answers[url]
    if (!answer) throw new Error(`nothing at ${url}`)
    return answer()
  }
  const clock = manualClock(new Date(0))
  return { asked, clock, keys: new OutsideKeys(ISSUER, clock, fetch) }
}

const json = (value: unknown) => () => Response.json(value)
const metadata = json({ issuer: ISSUER, jwks_uri: 'https://keys.example.org/jwks' })

function good(): Answers {
  return {
    [DISCOVERY]: metadata,
    'https://keys.example.org/jwks': json({ keys: [jwk, { kty: 'oct', kid: 'k2', k: 'AA' }, 7] }),
  }
}

test('keys are fetched once and kept for an hour', async () => {
  const { keys, asked, clock } = setUp(good())
  const found = await Promise.all([keys.find('k1', 'ES256'), keys.find('k1', 'ES256'), keys.find(undefined, 'ES256')])
  assert.ok(found.every((key) => key instanceof KeyObject))
  assert.equal(asked.length, 2)
  clock.advance(59 * 60_000)
  await keys.find('k1', 'ES256')
  assert.equal(asked.length, 2)
  clock.advance(2 * 60_000)
  await keys.find('k1', 'ES256')
  assert.equal(asked.length, 4)
})

test('unknown key ids cause at most one fetch in half a minute', async () => {
  const answers = good()
  const { keys, asked, clock } = setUp(answers)
  for (let i = 0; i < 50; i += 1) assert.equal(await keys.find(`made-up-${i}`, 'ES256'), undefined)
  assert.equal(asked.length, 2)
  clock.advance(30_000)
  answers['https://keys.example.org/jwks'] = json({ keys: [jwk, { ...jwk, kid: 'new' }] })
  assert.ok((await keys.find('new', 'ES256')) instanceof KeyObject)
  assert.equal(asked.length, 4)
})

test('a symmetric key is never taken, and no key serves another algorithm', async () => {
  const { keys } = setUp(good())
  assert.equal(await keys.find('k2', 'ES256'), undefined)
  assert.equal(await keys.find('k1', 'RS256'), undefined)
})

test('while the issuer is down its keys count for a day, then its tokens are refused', async () => {
  const answers = good()
  const { keys, clock } = setUp(answers)
  await keys.find('k1', 'ES256')
  delete answers[DISCOVERY]
  clock.advance(23 * 60 * 60_000)
  assert.ok((await keys.find('k1', 'ES256')) instanceof KeyObject)
  clock.advance(2 * 60 * 60_000)
  await assert.rejects(keys.find('k1', 'ES256'), { code: 'account.issuer-unavailable' })
})

const redirect = (location: string) => () => new Response(null, { status: 302, headers: { location } })

test('a redirect on the same host is followed', async () => {
  const moved = `${ISSUER}/moved`
  const { keys } = setUp({ ...good(), [DISCOVERY]: redirect(moved), [moved]: metadata })
  assert.ok((await keys.find('k1', 'ES256')) instanceof KeyObject)
})

for (const [name, answers] of Object.entries<Answers>({
  'a redirect to another host': {
    ...good(),
    [DISCOVERY]: redirect('https://inside.example.net/'),
    'https://inside.example.net/': metadata,
  },
  'a redirect to plain HTTP': { ...good(), [DISCOVERY]: redirect('http://id.example.org/x') },
  'a redirect without end': { ...good(), [DISCOVERY]: redirect(DISCOVERY) },
  'metadata of another issuer': {
    ...good(),
    [DISCOVERY]: json({ issuer: 'https://id.example.org', jwks_uri: 'https://keys.example.org/jwks' }),
  },
  'keys over plain HTTP': {
    ...good(),
    [DISCOVERY]: json({ issuer: ISSUER, jwks_uri: 'http://keys.example.org/jwks' }),
  },
  'a key set that is none': { ...good(), 'https://keys.example.org/jwks': json({ keys: 'none' }) },
  'a key set over 256 KB': {
    ...good(),
    'https://keys.example.org/jwks': json({ keys: [], filler: 'x'.repeat(300_000) }),
  },
  'an answer that is not JSON': { ...good(), [DISCOVERY]: () => new Response('<html>') },
  'an error status': { ...good(), [DISCOVERY]: () => new Response('{}', { status: 500 }) },
})) {
  test(`${name} gives account.issuer-unavailable`, async () => {
    await assert.rejects(setUp(answers).keys.find('k1', 'ES256'), { code: 'account.issuer-unavailable' })
  })
}
