import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { parseTicket, refuseExpired, type Ticket, writeTicket } from './ticket.ts'

const ticket: Ticket = {
  url: 'https://sign.example.org',
  httpUrl: 'http://sign.example.org',
  environment: 'production',
  rootSha256: 'ab'.repeat(32),
  expires: new Date('2026-05-01T10:00:00Z'),
}
const plain = { ...ticket, expires: '2026-05-01T10:00:00Z' }
const pack = (json: JsonValue) => `countersign1.${Buffer.from(canonicalJson(json)).toString('base64url')}`

test('a ticket is countersign1. and the base64url of its JCS, and reads back', () => {
  assert.equal(writeTicket(ticket), pack(plain))
  assert.deepEqual(parseTicket(`  ${writeTicket(ticket)}\n`), ticket)
  const device = { ...ticket, device: 'pump-7', secret: 's'.repeat(43) }
  assert.deepEqual(parseTicket(writeTicket(device)), device)
})

const bad: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['another prefix', writeTicket(ticket).replace('countersign1', 'countersign2')],
  ['a piece of one', writeTicket(ticket).slice(0, -7)],
  ['not base64url', 'countersign1.%%%'],
  ['padding', `${writeTicket(ticket)}=`],
  ['too long', `countersign1.${'A'.repeat(5000)}`],
  ['not an object', pack(['x'])],
  ['an unknown field', pack({ ...plain, extra: 'x' })],
  ['a number', pack({ ...plain, device: 7 })],
  ['no root', pack({ url: plain.url, httpUrl: plain.httpUrl, environment: 'production', expires: plain.expires })],
  ['plain http as url', pack({ ...plain, url: 'http://sign.example.org' })],
  ['a file as httpUrl', pack({ ...plain, httpUrl: 'file:///etc' })],
  ['credentials in the url', pack({ ...plain, url: 'https://a:b@sign.example.org' })],
  ['an unknown environment', pack({ ...plain, environment: 'staging' })],
  ['upper-case hex', pack({ ...plain, rootSha256: 'AB'.repeat(32) })],
  ['a time without zone', pack({ ...plain, expires: '2026-05-01T10:00:00' })],
  ['an impossible time', pack({ ...plain, expires: '2026-25-01T10:00:00Z' })],
  ['a device without secret', pack({ ...plain, device: 'pump-7' })],
  ['keys in another order', `countersign1.${Buffer.from(JSON.stringify(plain)).toString('base64url')}`],
]
for (const [what, text] of bad) {
  test(`ticket.malformed: ${what}`, () => {
    assert.throws(() => parseTicket(text), { code: 'ticket.malformed' })
  })
}

test('the message of ticket.malformed never holds the secret', () => {
  const text = pack({ ...plain, device: 'pump-7', secret: 'very-secret', extra: 'very-secret' })
  assert.throws(
    () => parseTicket(text),
    (error: Error) => !`${error.stack}${error.message}`.includes('very-secret'),
  )
})

test('a ticket with any one character changed never names another root', () => {
  const text = writeTicket(ticket)
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.constantFrom(...'ABCabc019-_ .='), (at, character) => {
      const changed = text.slice(0, at) + character + text.slice(at + 1)
      if (changed === text) return
      try {
        assert.notDeepEqual(parseTicket(changed), ticket)
      } catch (error) {
        if ((error as { code?: string }).code !== 'ticket.malformed') throw error
      }
    }),
  )
})

test('ticket.expired: only after the last second', () => {
  refuseExpired(ticket, ticket.expires)
  assert.throws(() => refuseExpired(ticket, new Date(ticket.expires.getTime() + 1)), { code: 'ticket.expired' })
})
