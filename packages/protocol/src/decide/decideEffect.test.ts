import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testPolicy } from '../policy/policyFixture.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import { decideEffect, type RecallEvent } from './decideEffect.ts'
import type { Ending } from './facts.ts'

const advised = (...actions: Ending['action'][]): RecallEvent => ({
  kind: 'revoked',
  endings: actions.map((action) => ({ action }) as Ending),
})
const table: readonly (readonly [string, RecallEvent, Partial<VerificationPolicy>, string])[] = [
  ['revoked', { kind: 'revoked' }, {}, 'goBack'],
  ['revoked under a policy that stops', { kind: 'revoked' }, { onRevoked: 'stop' }, 'stop'],
  ['revoked under a policy that informs', { kind: 'revoked' }, { onRevoked: 'inform' }, 'inform'],
  ['revoked with the advice to stop', advised('stop'), {}, 'stop'],
  ['revoked by several records, one of which advises to stop', advised('goBack', 'inform', 'stop'), {}, 'stop'],
  ['revoked with the advice to stop, policy informs', advised('stop'), { onRevoked: 'inform' }, 'inform'],
  ['revoked with mild advice: no revoker keeps ended code running', advised('inform'), {}, 'goBack'],
  ['revoked with the advice to mitigate', advised('mitigate'), { onRevoked: 'stop' }, 'stop'],
  ['no longer allowed by the policy', { kind: 'refused' }, {}, 'stop'],
  ['no longer allowed by a policy that informs', { kind: 'refused' }, { onRevoked: 'inform' }, 'inform'],
  ['expired', { kind: 'expired' }, {}, 'refuseInstalls'],
  ['expired under a policy that goes back', { kind: 'expired' }, { onExpired: 'goBack' }, 'goBack'],
  ['stale', { kind: 'stale' }, {}, 'refuseInstalls'],
  ['stale under a policy that stops', { kind: 'stale' }, { onStale: 'stop' }, 'stop'],
  ['offline for too long', { kind: 'offline' }, {}, 'stop'],
  ['offline without a bound', { kind: 'offline' }, { maxOffline: '0' }, 'inform'],
]
for (const [what, event, policy, effect] of table) {
  test(`${effect}: ${what}`, () => {
    assert.equal(decideEffect(event, testPolicy(policy)), effect)
  })
}
