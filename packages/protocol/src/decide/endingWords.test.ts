import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endingWords } from './endingWords.ts'
import { ending, hoursAgo } from './runFactsFixture.ts'

function words(more: Parameters<typeof ending>[1]): string {
  const [one] = ending('identity', more).endings
  assert.ok(one)
  return endingWords(one)
}

test('distrust says from when, an end since when', () => {
  assert.match(
    words({ effect: 'distrusted', from: hoursAgo(48) }),
    /^is distrusted from 2026-03-30T12:00:00Z by record 12/,
  )
  assert.match(words({}), /^was ended at 2026-04-01T10:00:00Z by record 12/)
})

test('what a record does not say is left out', () => {
  const bare = words({ advisories: [], severity: 'unknown', replacement: undefined } as never)
  assert.equal(bare, 'was ended at 2026-04-01T10:00:00Z by record 12 of log.example.org (anna): it leaks')
})
