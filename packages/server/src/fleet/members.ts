import type { TrustFacts } from '../trust/facts.ts'
import type { MemberKind } from './fleetTables.ts'

/** A device or validator by its name. */
export interface MemberName {
  readonly kind: MemberKind
  readonly name: string
}

/** What a member's client certificates name it: the one URI in their alternative names. */
export function memberUri(facts: TrustFacts, { kind, name }: MemberName): string {
  return `${facts.publicUrl}/${kind}/${name}`
}
