import { join } from 'node:path'
import { type Clock, systemClock } from '@countersign/local/clock/clock.ts'
import { configFolder } from '@countersign/local/files/appDirs.ts'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { type ScanResult, scan as scanArtifact } from 'countersign-validator/scan/scan.ts'
import { printable } from '../output/checkTable.ts'
import type { Terminal } from '../output/terminal.ts'

/** What `countersign scan` takes. */
export interface ScanOptions {
  readonly offline?: boolean
  /** Folder, zip file or address to import before. */
  readonly advisories?: string
  /** Where the SBOM is to be written. */
  readonly sbom?: string
}

const exits = { clean: 0, affected: 1, incomplete: 2 } as const

/** `countersign scan`: the verdict on an artifact, without certifying it. Returns 0 clean, 1 affected, 2 incomplete. */
export async function scan(
  path: string,
  options: ScanOptions,
  terminal: Terminal,
  clock: Clock = systemClock,
): Promise<number> {
  const { advisories, sbom, offline = false } = options
  const result = await terminal.during('scanning', (say) =>
    scanArtifact({
      path,
      offline,
      folder: join(configFolder(), 'scan'),
      ...(advisories !== undefined && { advisories }),
      clock,
      onStep: say,
      signal: terminal.signal,
    }),
  )
  if (sbom !== undefined) await replaceFile(sbom, result.sbom, { point: 'cli.sbom' })
  terminal.result({ ...result.verdict, catalogue: result.catalogue })
  describe(path, result, terminal)
  return exits[result.verdict.answer]
}

function describe(path: string, { verdict, catalogue }: ScanResult, terminal: Terminal): void {
  const { asOf, records, sample } = verdict.advisories
  terminal.line(`${verdict.answer}  ${printable(path)}`)
  terminal.line(
    records === 0
      ? '  no advisory data: import some with --advisories <folder|zip|url>'
      : `  advisory data as of ${asOf ?? 'an unknown time'}${sample ? ', sample' : ''}, ${records} records`,
  )
  const confined = verdict.protections.length === 0 ? 'NOTHING' : verdict.protections.join(', ')
  terminal.line(`  inspected by ${catalogue.scanner.name} ${catalogue.scanner.version}, confined by: ${confined}`)
  terminal.line(`  ${catalogue.components.length} components`)
  for (const { name, version, evidence } of catalogue.components) {
    terminal.line(`    ${printable(`${name} ${version}`).padEnd(44)} ${evidence}`)
  }
  for (const { advisory, aliases, component, path: way, severity, fixed } of verdict.findings) {
    terminal.line(
      `  finding ${printable([advisory, ...aliases].join(', '))} (${printable(severity)}): ${printable(component)}`,
    )
    terminal.line(
      `    by ${printable(way.join(' → '))}${fixed.length === 0 ? '' : `; fixed in ${printable(fixed.join(', '))}`}`,
    )
  }
  for (const { code, path: place, detail, closedBy } of verdict.gaps) {
    terminal.line(`  ${code}${place === '' ? '' : ` ${printable(place)}`}: ${printable(detail)}`)
    terminal.line(`    closed by: ${printable(closedBy)}`)
  }
}
