import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { type CallTarget, call } from '@countersign/local/calls/call.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { getCertificationsRoute } from '@countersign/protocol/api/artifacts.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { type Device, startDevice } from '../journeys/demo/device.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { deviceToken, redeemInvitation } from '../support/people.ts'
import { countersign, countersignValidator } from '../support/programs.ts'
import { mustRun } from '../support/runProgram.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'
import { type Network, openNetwork } from './network.ts'
import { type PackedProduct, type ProductSpec, packProduct } from './product.ts'

/** Who signs. */
export const DEVELOPER = 'dev@example.org'

/** Something that is signed and certified, as the developer has it. */
export interface CertifiedProduct extends PackedProduct {
  /** Of the certification, in the words of `countersign submit --json`. */
  readonly number: string
  readonly authority: string
  /** Text of the bundles. */
  readonly signature: string
  readonly certification: string
}

/** What `countersign verify --json` answers. */
export interface Verified {
  readonly answer: 'yes' | 'no' | 'cannot tell'
  readonly reasons: readonly string[]
  readonly checks: readonly { readonly name: string; readonly result: string; readonly code?: string }[]
}

/** A world in which everything works: an instance with its validator, advisories, and a developer who is signed in. */
export interface Scene {
  readonly folder: string
  readonly instance: Instance
  /** What lies between the instance and everybody else. */
  readonly network: Network
  readonly dataFolder: string
  readonly validatorFolder: string
  readonly developer: Machine
  /** A browser in which the developer is signed in. */
  readonly browser: PageVisitor
  /** The instance as a stranger calls it: TLS is verified, no client certificate. */
  readonly target: CallTarget & { readonly url: string }
  /** PEM of the device root. */
  readonly ca: string
  /** The developer's anchors, as new as the instance has them. */
  anchors(): Promise<Anchors>
  /** A sound identity token of the developer. */
  token(): Promise<string>
  /** Packs and signs, on the developer's machine unless another one is named; the text of the signature bundle comes with it. */
  sign(spec: ProductSpec, machine?: Machine): Promise<PackedProduct & { readonly signature: string }>
  /** Packs, signs, submits, and has it certified. */
  certify(spec: ProductSpec): Promise<CertifiedProduct>
  release(product: PackedProduct): Promise<void>
  /** Verifies as the developer does, with the signature bundle beside the archive and whatever `more` says. */
  verify(product: PackedProduct, ...more: readonly string[]): Promise<Verified>
  /** Writes text to a file of the developer's machine; resolves with its name for `verify`. */
  file(name: string, text: string | Uint8Array): string
  /** Distributes the present policy with changes. */
  changePolicy(changes: Partial<VerificationPolicy>): Promise<void>
  importAdvisories(name: 'initial' | 'recall'): Promise<{ readonly ended: readonly string[] }>
  /** Enrols a device of the group `shop` and runs its agent, which polls every second. */
  device(name: string, ...more: readonly string[]): Promise<Device>
  /** Is run before everything else ends, the last one first. */
  defer(end: () => unknown): void
  close(): Promise<void>
}

const advisories = path.join(import.meta.dirname, '..', 'journeys', 'demo', 'advisories')

/** Starts the world; its data lies in `<folder>/instance`. */
export async function openScene(): Promise<Scene> {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-threat-'))
  const ending = new AsyncDisposableStack()
  ending.defer(() => rmSync(folder, { recursive: true, force: true }))
  try {
    return await bringUp(folder, ending)
  } catch (error) {
    await ending.disposeAsync()
    throw error
  }
}

async function bringUp(folder: string, ending: AsyncDisposableStack): Promise<Scene> {
  const dataFolder = path.join(folder, 'instance')
  const network = await openNetwork()
  ending.defer(() => network.close())
  const instance = await startInstance({
    ...{ dataFolder, validator: true, port: network.publicPort, httpPort: network.publicHttpPort },
    arguments: ['--first-person', DEVELOPER, ...network.arguments],
  })
  ending.defer(() => instance.kill())
  const validatorFolder = path.join(dataFolder, 'validator')
  const developer = newMachine(path.join(folder, 'developer'))
  const browser = await logInDeveloper(instance, developer)
  const config = path.join(developer.env.XDG_CONFIG_HOME ?? '', 'countersign')
  const first = await openAnchors(undefined, config)
  const trust = tlsTrust(first)
  const target = { url: first.url, trust }
  const scene: Scene = {
    ...{ folder, instance, network, dataFolder, validatorFolder, developer, browser, target },
    ca: trust.deviceRoot,
    async anchors() {
      const stored = await openAnchors(undefined, config)
      return (await refreshAnchors(stored, { clock: systemClock, config })).anchors
    },
    token: async () => (await deviceToken(`${first.url}/oidc`, browser, trust.deviceRoot)).id_token,
    async sign(spec, machine = developer) {
      const packed = await packProduct(folder, spec)
      const signed = await machine.countersign('sign', packed.archive, '--yes')
      assert.equal(signed.status, 0, signed.stdout + signed.stderr)
      return {
        ...packed,
        signature: developer.read(path.relative(developer.folder, `${packed.archive}.sigstore.json`)).toString(),
      }
    },
    async certify(spec) {
      const signed = await scene.sign(spec)
      const { answer } = await developer.ask<{
        submissions: { certification: { number: string; authority: string } }[]
      }>('submit', signed.archive, '--wait')
      const { certification } = answer.submissions[0] ?? {}
      if (certification === undefined) throw new Error(JSON.stringify(answer))
      const { certifications } = await call(target, getCertificationsRoute, { params: { sha256: signed.sha256 } })
      const found = certifications.find(({ number }) => number === certification.number)
      assert.ok(found, 'the certification is not handed out')
      return { ...signed, ...certification, certification: found.certification }
    },
    async release({ sha256 }) {
      await instance.admin('releases', 'publish', sha256, '--channel', 'stable')
    },
    async verify({ archive }, ...more) {
      return (await developer.ask<Verified>('verify', archive, ...more)).answer
    },
    file(name, text) {
      developer.write(name, text)
      return name
    },
    async changePolicy(changes) {
      const file = path.join(folder, 'policy.json')
      writeFileSync(file, JSON.stringify({ ...(await distributedPolicy(instance)), ...changes }))
      await instance.admin('policy', 'set', file)
    },
    async importAdvisories(name) {
      const source = path.join(advisories, name)
      const command = ['advisories', 'import', source, '--data', validatorFolder, '--json']
      return JSON.parse((await mustRun([...countersignValidator, ...command])).stdout)
    },
    async device(name, ...more) {
      const { ticket } = await instance.admin<{ ticket: string }>('devices', 'ticket', name, '--group', 'shop')
      const parent = path.join(folder, 'devices')
      mkdirSync(parent, { recursive: true })
      const device = await startDevice(name, ticket, parent, ['--poll', '1', ...more])
      ending.defer(() => device.stop())
      return device
    },
    defer: (end) => ending.defer(async () => void (await end())),
    close: () => ending.disposeAsync(),
  }
  await scene.importAdvisories('initial')
  return scene
}

async function logInDeveloper(instance: Instance, developer: Machine): Promise<PageVisitor> {
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  await mustRun([...countersign, 'trust', 'add', ticket], { env: developer.env })
  if (!instance.invitation) throw new Error('the first serve printed no invitation')
  const browser = new PageVisitor(await developer.deviceRoot())
  await redeemInvitation(browser, instance.invitation)
  await runWithDeviceFlow([...countersign, 'login'], browser, developer.env)
  return browser
}

/** What the agent of a device has said so far. */
export function saidBy({ folder, name }: Device): string {
  return readFileSync(path.join(path.dirname(folder), `${name}.log`), 'utf8')
}

/** The codes of the checks that did not pass. */
export function codesOf({ checks }: Verified): string[] {
  return checks.flatMap(({ code }) => code ?? [])
}

/** Waits until `isSo`, looking ten times a second. Rejects with `what` after `withinMs`. */
export async function until(
  what: string | (() => string),
  withinMs: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  for (const end = performance.now() + withinMs; !(await isSo()); ) {
    if (performance.now() > end) {
      throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
