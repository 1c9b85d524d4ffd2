import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceReportBytes } from './deviceReport.ts'

test('the bytes that a device signs are these for ever', () => {
  const text = 'DSSEv1 49 application/vnd.countersign.device-report.v1+json 10 {"a":"ä"}'
  assert.equal(new TextDecoder().decode(deviceReportBytes('{"a":"ä"}')), text)
})

test('another text gives other bytes, also where it means the same JSON', () => {
  assert.notDeepEqual(deviceReportBytes('{"a":1}'), deviceReportBytes('{"a": 1}'))
})
