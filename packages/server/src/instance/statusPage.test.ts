import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'
import { statusPage } from './statusPage.ts'

const AT = '2026-11-20T12:00:00.000Z'

const status: InstanceStatus = {
  version: '0.1.0',
  environment: 'development',
  publicUrl: 'https://sign.example.com',
  publicHttpUrl: 'http://sign.example.com',
  issuer: 'https://sign.example.com/oidc',
  startedAt: AT,
  clock: { now: AT, newestCheckpoint: AT },
  logs: [],
  expiries: [],
  disk: { freeBytes: 3 * 2 ** 30, totalBytes: 8 * 2 ** 30 },
  protections: [],
  jobs: [],
  scheduledWorkPaused: false,
  validators: [
    {
      name: 'embedded',
      otherOperator: false,
      state: 'enrolled',
      toldAt: AT,
      advisories: { asOf: '2026-11-20T06:00:00Z', records: 5, sample: true, state: 3 },
    },
  ],
  devices: { admitted: 2, pending: 1, silent: 0 },
  attention: [],
}

/** The cells of the table under a heading, row by row. */
function rowsOf(page: string, heading: string): string[][] {
  const table = page.split(`<h2>${heading}</h2>`)[1]?.split('</table>')[0] ?? ''
  return table
    .split('</tr>')
    .slice(0, -1)
    .map((row) => [...row.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell = '']) => cell))
}

test('the page shows each validator with its operator and advisory data, and how the devices are', () => {
  const page = statusPage(status)
  assert.deepEqual(rowsOf(page, 'Validators'), [
    [
      'embedded',
      'enrolled',
      'same operator',
      'advisory data as of 2026-11-20T06:00:00Z, sample, 5 records',
      `at ${AT}`,
    ],
  ])
  assert.deepEqual(rowsOf(page, 'Devices'), [
    ['admitted', '2'],
    ['waiting for the operator', '1'],
    ['silent for longer than the policy allows', '0'],
  ])
  assert.match(page, /Nothing needs attention/)
})

test('a validator without data, and one that has said nothing, are told apart', () => {
  const validators: InstanceStatus['validators'] = [
    { name: 'a', otherOperator: true, state: 'enrolled', advisories: { records: 0, sample: false, state: 0 } },
    { name: 'b', otherOperator: true, state: 'invited' },
  ]
  assert.deepEqual(rowsOf(statusPage({ ...status, validators }), 'Validators'), [
    ['a', 'enrolled', 'another operator', 'no advisory data: nothing will be certified', ''],
    ['b', 'invited', 'another operator', 'has said nothing yet', ''],
  ])
})

test('what validators and devices say is text on the page, never markup', () => {
  const attention = [{ code: 'fleet.silent', message: '<script>alert(1)</script>' }]
  const page = statusPage({ ...status, attention })
  assert.equal(page.includes('<script>'), false)
  assert.match(page, /&lt;script&gt;alert\(1\)/)
})
