import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { type CallReply, call } from '@countersign/local/calls/call.ts'
import { getAffectedRoute } from '@countersign/protocol/api/artifacts.ts'
import { printable } from '../output/checkTable.ts'
import type { Terminal } from '../output/terminal.ts'
import { fileToken, sessionTokens } from './identityTokens.ts'

/** What `countersign affected` takes. */
export interface AffectedOptions {
  readonly instance?: string
  readonly tokenFile?: string
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** `countersign affected`: which artifacts, certifications and devices an advisory reaches. Returns 0, also for none. */
export async function affected(advisory: string, options: AffectedOptions, terminal: Terminal): Promise<number> {
  const anchors = await openAnchors(options.instance)
  const { tokenFile } = options
  const { signal } = terminal
  const tokens = tokenFile === undefined ? sessionTokens(anchors, signal) : await fileToken(tokenFile)
  const found = await terminal.during(`asking what ${advisory} reaches`, async () => {
    const { token } = await tokens.current()
    const target = { url: anchors.url, trust: tlsTrust(anchors) }
    return call(target, getAffectedRoute, { params: { advisory }, token, signal, maxBytes: MAX_ANSWER_BYTES })
  })
  terminal.result(found)
  describe(found, terminal)
  return 0
}

function describe({ advisory, aliases, affected }: CallReply<typeof getAffectedRoute>, terminal: Terminal): void {
  const names = [advisory, ...aliases].map(printable).join(', ')
  terminal.line(affected.length === 0 ? `${names} reaches nothing that was certified here.` : names)
  for (const { number, validator, product, version, state, sha256, finding, devices } of affected) {
    terminal.line(`  ${product} ${version}  certification ${number} by ${printable(validator)}: ${state}`)
    terminal.line(`    artifact  sha256:${sha256}`)
    const { component, path, severity, fixed } = finding
    terminal.line(
      `    component ${printable(component)} (${severity}), fixed in ${fixed.join(', ') || 'no version yet'}`,
    )
    terminal.line(`    path      ${path.map(printable).join(' > ')}`)
    for (const { name, group, isRunning } of devices) {
      terminal.line(`    device    ${name} (${group})${isRunning ? ', running it' : ''}`)
    }
  }
}
