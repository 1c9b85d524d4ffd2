import assert from 'node:assert/strict'
import path from 'node:path'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { PageVisitor } from '../../support/pageVisitor.ts'
import { confirmDeviceCode, redeemInvitation } from '../../support/people.ts'
import { type MachineName, missingLine, type Section, type Step } from './guide.ts'
import type { Machine } from './machine.ts'
import type { Terminal } from './terminal.ts'

/** What the reader has before them. */
export interface ReaderOptions {
  readonly machines: Readonly<Record<MachineName, Machine>>
  /** Where the browser reaches the server. */
  readonly serverAddress: string
}

const BLOCK_MS = 600_000
const SHOWN_MS = 180_000
const END_MS = 60_000

/** Does what a guide tells, step by step, and holds what comes out against what the guide shows. */
export class Reader {
  readonly #machines: ReaderOptions['machines']
  readonly #serverAddress: string
  #browser: PageVisitor | undefined

  constructor({ machines, serverAddress }: ReaderOptions) {
    this.#machines = machines
    this.#serverAddress = serverAddress
  }

  /** Follows one section to its end. Rejects at the first thing that is not as the guide says. */
  async follow({ title, steps }: Section): Promise<void> {
    console.log(`\n${title}`)
    for (const step of steps) {
      const start = performance.now()
      try {
        await this.#take(step)
      } catch (error) {
        throw new Error(`${title}: ${wordsOf(step)}\n${error instanceof Error ? error.message : error}`, {
          cause: error,
        })
      }
      console.log(`  ${String(Math.round(performance.now() - start)).padStart(6)} ms  ${wordsOf(step)}`)
    }
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'type':
        return this.#type(step)
      case 'look':
        return this.#look(this.#terminal(step.terminal), step.shown)
      case 'copy':
        return this.#machines[step.to].bring(path.join(this.#machines[step.from].home, step.file), step.file)
      case 'interrupt':
        for (const name of step.terminals) assert.equal(await this.#terminal(name).interrupt(END_MS), 0, `*${name}*`)
        return
      case 'redeem':
        return this.#redeem()
    }
  }

  async #type(step: Extract<Step, { do: 'type' }>): Promise<void> {
    for (const name of step.place.machines) await this.#typeAt(this.#machines[name], step)
  }

  async #typeAt(
    machine: Machine,
    { place, text, staysOpen, status, shown }: Extract<Step, { do: 'type' }>,
  ): Promise<void> {
    if (staysOpen) {
      const terminal = machine.terminal(place.terminal ?? '')
      terminal.begin(text)
      return this.#look(terminal, shown)
    }
    const sign = this.#signIn()
    const typed = await Promise.race([machine.desk.type(text, BLOCK_MS, sign.look), sign.failed])
    assert.equal(typed.status, status, `ended with ${typed.status} in place of ${status}\n${typed.output}`)
    const missing = missingLine(shown, typed.output)
    assert.equal(missing, undefined, `this does not come out: ${missing}\n--- but\n${typed.output}`)
  }

  async #look(terminal: Terminal, shown: readonly string[]): Promise<void> {
    const isThere = (output: string) => missingLine(shown, output) === undefined
    await terminal.see(isThere, SHOWN_MS, `\n${shown.join('\n')}`)
  }

  /** A person who confirms the code of a sign-in as soon as a program shows one. */
  #signIn(): { look(output: string): void; failed: Promise<never> } {
    const failed = Promise.withResolvers<never>()
    let isSeen = false
    return {
      failed: failed.promise,
      look: (output) => {
        const url = /(https:\/\/\S+\/oidc\/device\S*)\s/.exec(output)?.[1]
        const code = /\b([A-Z]{4}-[A-Z]{4})\b/.exec(output)?.[1]
        if (isSeen || url === undefined || code === undefined) return
        isSeen = true
        if (this.#browser === undefined) failed.reject(new Error('nobody is signed in in the browser yet'))
        else confirmDeviceCode(this.#browser, url, code).catch(failed.reject)
      },
    }
  }

  async #redeem(): Promise<void> {
    const settings = path.join(this.#machines['second machine'].home, '.config', 'countersign')
    const anchors = await openAnchors(undefined, settings)
    const ca = Buffer.from(anchors.target('device_root.pem')).toString('utf8')
    this.#browser = new PageVisitor(ca, this.#serverAddress)
    const printed = [...this.#machines.server.terminals.values()].map(({ output }) => output).join('\n')
    const link = /^ {2}open {3}(\S+)$/m.exec(printed)?.[1] ?? ''
    const code = /^ {2}code {3}(\S+)$/m.exec(printed)?.[1] ?? ''
    await redeemInvitation(this.#browser, { link, code })
  }

  #terminal(name: string): Terminal {
    const found = Object.values(this.#machines).find(({ terminals }) => terminals.has(name))
    if (found === undefined) throw new Error(`no terminal *${name}* is open`)
    return found.terminal(name)
  }
}

function wordsOf(step: Step): string {
  switch (step.do) {
    case 'type':
      return `${step.place.machines.join(', ')}${step.place.terminal ? ` *${step.place.terminal}*` : ''}$ ${step.text.split('\n', 1)[0]}`
    case 'look':
      return `look at *${step.terminal}*`
    case 'copy':
      return `copy ~/${step.file} to the ${step.to}`
    case 'interrupt':
      return `Ctrl-C in ${step.terminals.map((name) => `*${name}*`).join(', ')}`
    case 'redeem':
      return 'redeem the invitation'
  }
}
