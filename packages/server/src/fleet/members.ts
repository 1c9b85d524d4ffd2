import type { TrustFacts } from '../trust/facts.ts'
import type { MemberKind } from './fleetTables.ts'

/** A device or validator by its name. */
export interface MemberName {
  readonly kind: MemberKind
  readonly name: string
}

const KINDS: readonly MemberKind[] = ['devices', 'validators']

/** What a member's client certificates name it: the one URI in their alternative names. */
export function memberUri(facts: TrustFacts, { kind, name }: MemberName): string {
  return `${facts.publicUrl}/${kind}/${name}`
}

/** The member that such a URI names; undefined for anything else. */
export function memberOf(facts: TrustFacts, uri: string): MemberName | undefined {
  for (const kind of KINDS) {
    const start = memberUri(facts, { kind, name: '' })
    if (uri.startsWith(start)) return { kind, name: uri.slice(start.length) }
  }
  return undefined
}
