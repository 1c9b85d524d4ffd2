import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'node:test'
import type { BoundedRequest } from '@countersign/local/anchors/httpExchange.ts'
import { withNetwork } from '@countersign/local/anchors/network.ts'
import { deviceState } from '@countersign/protocol/api/devices.ts'
import { deviceReportBytes } from '@countersign/protocol/release/deviceReport.ts'
import type { StateStore } from '../state/stateStore.ts'
import { emptyState, type StoredState } from '../state/storedState.ts'
import { checkIn } from './checkIn.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const at = new Date('2026-11-20T12:00:00Z')

/** A device that has acknowledged five records reports while it knows of `known`. Returns what the server gets. */
async function reported(known: string) {
  let current: StoredState = { ...emptyState(at, false), acknowledged: '5', reportCounter: 7 }
  const store: StateStore = {
    get current() {
      return current
    },
    change: async (change) => {
      current = change(current)
      return current
    },
  }
  let body: { readonly report: string; readonly signature: string } | undefined
  const request = async (asked: BoundedRequest) => {
    body = JSON.parse(Buffer.from(asked.body ?? []).toString())
    const reply = { device: 'front', group: 'shops', state: 'admitted', nextMs: 10_000 }
    const bytes = new Uint8Array(Buffer.from(JSON.stringify(reply)))
    return { status: 200, headers: { 'content-type': 'application/json' }, bytes }
  }
  const target = { url: 'https://sign.example.com', trust: { deviceRoot: '' } }
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await withNetwork({ request, stream: async () => assert.fail('nothing is streamed') }, () =>
    checkIn(store, { at, known }, target, pem),
  )
  assert.ok(body !== undefined)
  const signature = Buffer.from(body.signature, 'base64')
  assert.ok(verify('sha256', deviceReportBytes(body.report), publicKey, signature))
  return deviceState.parse(JSON.parse(body.report))
}

test('a report says how far this device has acted, under the next counter', async () => {
  const { acknowledged, counter } = await reported('6')
  assert.deepEqual([acknowledged, counter], ['5', 8])
})

test('a device that has lost its news reports no more than it knows, so the server sees it go back', async () => {
  assert.equal((await reported('2')).acknowledged, '2')
})
