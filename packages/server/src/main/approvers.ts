import { readBounded } from '@countersign/local/files/readBounded.ts'
import { addApproverRoute } from '@countersign/protocol/api/revocations.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { RevocationScope } from '@countersign/protocol/revocation/record.ts'
import { readPem } from '@countersign/protocol/x509/pem.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine } from './print.ts'

/** Options of `countersign-server approvers add`. */
export interface ApproverOptions extends AdminOptions {
  readonly scopes: readonly RevocationScope[]
}

const MAX_KEY_BYTES = 8192

/** `countersign-server approvers add`: takes the public half of an approver's key into the verification policy. */
export async function add(name: string, file: string, options: ApproverOptions): Promise<void> {
  const pem = new TextDecoder().decode(await readBounded(file, MAX_KEY_BYTES))
  const publicKey = readPem(pem, ['PUBLIC KEY']).map(encodeBase64)[0] ?? ''
  const body = { name, publicKey, scopes: options.scopes }
  const added = await callAdmin(options.data, addApproverRoute, { body })
  if (options.json) return printJson(added)
  printLine(`${added.name} (key ${added.keyId}) may now end trust in: ${options.scopes.join(', ')}.`)
  printLine(`Distributed as a new TUF version; SHA-256 of the policy ${added.policySha256}.`)
}
