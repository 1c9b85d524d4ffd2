import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { fleetError } from './errors.ts'
import type { FleetTables, MemberKind } from './fleetTables.ts'

/** What of a request says who calls. */
export interface CallerRequest {
  /** DER, only where TLS verified it against the device root. */
  readonly clientCertificate: Uint8Array | undefined
}

/** The owner of a client certificate that counts. */
export interface KnownCaller {
  readonly kind: MemberKind
  readonly name: string
  /** Of devices: whether it waits for the operator, and then gets nothing. */
  readonly isPending: boolean
  readonly sameOperator: boolean
  /** Lower-case hex. */
  readonly serial: string
}

/** Says who is behind a client certificate, and whether it still counts. Answers from memory: every request asks. */
export interface Callers {
  /**
   * The validator that calls. Throws `fleet.not-a-validator`, and what `callerOf` throws.
   */
  validatorOf(request: CallerRequest): KnownCaller
  /** The device that calls, pending ones too. Throws `fleet.not-a-device`, and what `callerOf` throws. */
  deviceOf(request: CallerRequest): KnownCaller
  /**
   * Whoever calls. Throws `fleet.certificate-missing`, `fleet.certificate-unknown`, `fleet.certificate-expired`,
   * `fleet.certificate-superseded`, `fleet.removed`.
   */
  callerOf(request: CallerRequest): KnownCaller
  /** Reads one member again, after a change to it was committed; until then the old state counts. */
  refresh(kind: MemberKind, name: string): Promise<void>
  /** Sets when members last called, once a minute and member at most. */
  takeSeen(): ReadonlyMap<string, { readonly kind: MemberKind; readonly name: string; readonly at: Date }>
}

interface CertificateRecord {
  readonly member: string
  readonly notAfterMs: number
  readonly supersededMs: number | null
}

interface MemberRecord {
  readonly kind: MemberKind
  readonly name: string
  readonly state: string
  readonly sameOperator: boolean
}

/** Opens the memory of members and certificates. */
export async function openCallers(deps: { readonly database: Database; readonly clock: Clock }): Promise<Callers> {
  const callers = new MemoryCallers(deps.database, deps.clock)
  await callers.load()
  return callers
}

class MemoryCallers implements Callers {
  readonly #database: Database
  readonly #clock: Clock
  readonly #certificates = new Map<string, CertificateRecord>()
  readonly #members = new Map<string, MemberRecord>()
  /** Serials by certificate bytes, which stay the same object as long as their connection. */
  readonly #serials = new WeakMap<Uint8Array, string>()
  #seen = new Map<string, { kind: MemberKind; name: string; at: Date }>()

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  validatorOf(request: CallerRequest): KnownCaller {
    const caller = this.callerOf(request)
    if (caller.kind === 'validators') return caller
    throw refused(fleetError('fleet.not-a-validator', `the certificate is that of the device ${caller.name}`), caller)
  }

  deviceOf(request: CallerRequest): KnownCaller {
    const caller = this.callerOf(request)
    if (caller.kind === 'devices') return caller
    throw refused(fleetError('fleet.not-a-device', `the certificate is that of the validator ${caller.name}`), caller)
  }

  callerOf({ clientCertificate }: CallerRequest): KnownCaller {
    if (clientCertificate === undefined) {
      throw fleetError('fleet.certificate-missing', 'the connection carries no client certificate that counts')
    }
    const serial = this.#serialOf(clientCertificate)
    const certificate = this.#certificates.get(serial)
    const member = certificate && this.#members.get(certificate.member)
    if (certificate === undefined || member === undefined) {
      throw fleetError('fleet.certificate-unknown', 'no certificate with this serial number is on record')
    }
    const now = this.#clock.now()
    refuseEnded(certificate, member, now)
    const { kind, name, sameOperator } = member
    this.#seen.set(certificate.member, { kind, name, at: now })
    return { kind, name, sameOperator, isPending: member.state !== 'admitted', serial }
  }

  async refresh(kind: MemberKind, name: string): Promise<void> {
    await this.load({ kind, name })
  }

  takeSeen(): ReadonlyMap<string, { kind: MemberKind; name: string; at: Date }> {
    const seen = this.#seen
    this.#seen = new Map()
    return seen
  }

  async load(only?: { readonly kind: MemberKind; readonly name: string }): Promise<void> {
    const tables = this.#database.tables<FleetTables>()
    let members = tables.selectFrom('fleet_members').selectAll()
    let certificates = tables
      .selectFrom('fleet_certificates')
      .select(['serial', 'kind', 'name', 'not_after_ms', 'superseded_ms'])
    if (only !== undefined) {
      members = members.where('kind', '=', only.kind).where('name', '=', only.name)
      certificates = certificates.where('kind', '=', only.kind).where('name', '=', only.name)
    }
    for (const row of await certificates.execute()) {
      const { not_after_ms: notAfterMs, superseded_ms: supersededMs } = row
      this.#certificates.set(row.serial, { member: keyOf(row), notAfterMs, supersededMs })
    }
    for (const row of await members.execute()) {
      const { name, state } = row
      const kind = row.kind as MemberKind
      this.#members.set(keyOf(row), { kind, name, state, sameOperator: row.same_operator === 1 })
    }
  }

  #serialOf(certificate: Uint8Array): string {
    const known = this.#serials.get(certificate)
    if (known !== undefined) return known
    const { serialHex } = parseCertificate(certificate)
    this.#serials.set(certificate, serialHex)
    return serialHex
  }
}

/** A resumed TLS session is not checked again, so the end of the certificate's time is looked at here as well. */
function refuseEnded({ notAfterMs, supersededMs }: CertificateRecord, member: MemberRecord, now: Date): void {
  if (member.state === 'removed') {
    throw refused(fleetError('fleet.removed', `${member.name} was removed`), member)
  }
  if (supersededMs !== null && supersededMs <= now.getTime()) {
    throw refused(fleetError('fleet.certificate-superseded', `${member.name} has a newer certificate`), member)
  }
  if (notAfterMs < now.getTime()) {
    throw refused(fleetError('fleet.certificate-expired', `the certificate of ${member.name} has expired`), member)
  }
}

function refused(error: CodedError, { kind, name }: Pick<MemberRecord, 'kind' | 'name'>): CodedError {
  error.caller = { role: kind === 'devices' ? 'device' : 'validator', name }
  return error
}

function keyOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`
}
