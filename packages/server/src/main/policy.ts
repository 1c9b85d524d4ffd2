import { readBounded } from '@countersign/local/files/readBounded.ts'
import { getPolicyRoute, setPolicyRoute } from '@countersign/protocol/api/admin.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine } from './print.ts'

const MAX_POLICY_BYTES = 256 * 1024

/** `countersign-server policy show`. */
export async function show(options: AdminOptions): Promise<void> {
  const { policy } = await callAdmin(options.data, getPolicyRoute, {})
  printLine(policy.trimEnd())
}

/** `countersign-server policy set`. */
export async function set(file: string, options: AdminOptions): Promise<void> {
  const policy = new TextDecoder('utf-8', { fatal: true }).decode(await readBounded(file, MAX_POLICY_BYTES))
  const { sha256 } = await callAdmin(options.data, setPolicyRoute, { body: { policy } })
  if (options.json) return printJson({ sha256 })
  printLine(`Distributed as a new TUF version; SHA-256 ${sha256}.`)
}
