import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validatorName } from './validatorName.ts'

test('issuer and name of a validator', () => {
  for (const issuer of [
    'https://sign.example.com/validators',
    'https://a.example:8443/x/validators',
    'http://[::1]:1/validators',
  ]) {
    assert.deepEqual(validatorName(`${issuer}/second-1.x`), { issuer, name: 'second-1.x' })
  }
})

for (const [what, uri] of Object.entries({
  'no text': '',
  'no URI': 'embedded',
  'another path': 'https://sign.example.com/devices/embedded',
  'no name': 'https://sign.example.com/validators/',
  'the issuer alone': 'https://sign.example.com/validators',
  'a name with an escape': 'https://sign.example.com/validators/a%2Fb',
  'a name that begins with a dot': 'https://sign.example.com/validators/..',
  'a path that goes back': 'https://sign.example.com/x/../validators/embedded',
  'a user name': 'https://me@sign.example.com/validators/embedded',
  'a query': 'https://sign.example.com/?/validators/embedded',
  'a host in upper case': 'https://SIGN.example.com/validators/embedded',
  'the port that is the default': 'https://sign.example.com:443/validators/embedded',
  'another scheme': 'ftp://sign.example.com/validators/embedded',
  'a long address': `https://sign.example.com/${'x'.repeat(2048)}/validators/embedded`,
})) {
  test(`no validator: ${what}`, () => assert.equal(validatorName(uri), undefined))
}
