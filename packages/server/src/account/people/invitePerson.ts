import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Invitation } from '@countersign/protocol/api/people.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { AccountTables } from '../accountTables.ts'
import type { AuditTrail } from '../audit/auditTrail.ts'
import { readPersonAddress } from '../identities/emailAddress.ts'

/** How long an invitation can be redeemed. */
export const INVITATION_MS = 60 * 60 * 1000

/** Wrong codes after which an invitation is dead; with 80 bits of code nobody gets anywhere near by guessing. */
export const MAX_FAILURES = 10

/** Crockford's alphabet: no letters that people mistake for digits. */
const CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_LENGTH = 16

/** What the operations on people stand on. */
export interface PeopleDeps {
  readonly database: Database
  readonly clock: Clock
  readonly audit: AuditTrail
  /** `https://host[:port]`, where the pages are. */
  readonly publicUrl: string
}

/**
 * Makes an invitation for an address: a link that holds no secret, and a code that is typed into the page behind it.
 * Valid once and for an hour; an earlier open invitation for the same address ends. The code is stored hashed.
 * The operator vouches for the address: whoever redeems the code signs with it. Throws `account.email-invalid`.
 */
export async function invitePerson(deps: PeopleDeps, caller: JsonValue, address: string): Promise<Invitation> {
  const email = readPersonAddress(address)
  const id = randomBytes(16).toString('hex')
  const code = newCode()
  const expires = new Date(deps.clock.now().getTime() + INVITATION_MS)
  const intent = await deps.database.transaction<AccountTables, { id: number; leaf: Uint8Array }>(
    'account.invitation',
    async (trx) => {
      await trx.deleteFrom('account_invitations').where('email', '=', email).execute()
      const values = { id, email, code_hash: hashCode(id, code), expires_ms: expires.getTime(), failures: 0 }
      await trx.insertInto('account_invitations').values(values).execute()
      return deps.audit.intend(trx, {
        kind: 'person.invited',
        actor: caller,
        detail: { email, expires: expires.toISOString() },
      })
    },
  )
  await deps.audit.settle(intent)
  return { email, link: `${deps.publicUrl}/people/invitations/${id}`, code, expires: expires.toISOString() }
}

/** True where `typed` is the code behind `codeHash`. Case, spaces and dashes do not matter; takes the same time for every wrong code. */
export function isCode(id: string, typed: string, codeHash: Uint8Array): boolean {
  return timingSafeEqual(hashCode(id, typed), codeHash)
}

function newCode(): string {
  // 256 is a multiple of 32, so every letter is equally likely.
  const letters = [...randomBytes(CODE_LENGTH)].map((byte) => CODE_ALPHABET[byte % CODE_ALPHABET.length])
  return letters.join('').replace(/(.{4})(?=.)/g, '$1-')
}

function hashCode(id: string, code: string): Uint8Array {
  const normal = code.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0')
  return new Uint8Array(hash('sha256', `${id} ${normal}`, 'buffer'))
}
