import { createPrivateKey, createPublicKey, hash, type KeyObject, sign } from 'node:crypto'
import { call } from '@countersign/local/calls/call.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import {
  approveRevocationRoute,
  listRevocationRequestsRoute,
  type RevocationRequest,
} from '@countersign/protocol/api/revocations.ts'
import { decodeBase64, encodeBase64 } from '@countersign/protocol/json/base64.ts'
import { revocationToSign } from '@countersign/protocol/revocation/envelope.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { readPassphrase } from './passphrase.ts'
import { reachWords, recordWords, requestedRecord } from './revocationWords.ts'
import { type Asked, type CallerOptions, openAsked } from './revoke.ts'

/** What `countersign revoke --approve` takes. */
export interface ApproveOptions extends CallerOptions {
  /** Id of the request. */
  readonly approve: string
  /** The approver's private key, as `countersign approver create` wrote it. */
  readonly key?: string
  readonly passphraseFile?: string
  readonly yes?: boolean
}

const MAX_KEY_BYTES = 16 * 1024

/**
 * `countersign revoke --approve`: shows what the request asks for, read from the very bytes that are signed, asks, signs
 * them here, and waits until the record is logged or known to need further approvers. Throws `cli.approval-not-confirmed`.
 */
export async function approve(options: ApproveOptions, terminal: Terminal): Promise<number> {
  if (options.key === undefined) throw outputError('cli.usage', 'name your key file, with --key')
  const asked = await openAsked(options, terminal)
  const request = await findRequest(asked, options.approve, terminal)
  const say = options.yes ? terminal.line : terminal.note
  for (const line of [...recordWords(requestedRecord(request)), ...reachWords(request.reach)]) say(line)
  say(`asked by     ${request.requestedBy}, ${request.requestedAt}`)
  if (request.state === 'logged') return report(request, terminal)
  if (!options.yes && !(await confirmed(terminal))) {
    throw outputError('cli.approval-not-confirmed', 'the approval was not confirmed')
  }
  const { keyId, signature } = await signPayload(request, options.key, options.passphraseFile, terminal)
  const approved = await terminal.during('logging', async () => {
    const { token } = await asked.tokens.current()
    const { signal } = terminal
    const params = { id: request.id }
    return call(asked.target, approveRevocationRoute, { params, body: { keyId, signature }, token, signal })
  })
  return report(approved, terminal)
}

async function findRequest({ target, tokens }: Asked, id: string, { signal }: Terminal): Promise<RevocationRequest> {
  const { token } = await tokens.current()
  const { requests } = await call(target, listRevocationRequestsRoute, { query: { all: 'true' }, token, signal })
  const found = requests.find((one) => one.id === id)
  if (found === undefined)
    throw outputError('cli.usage', 'there is no such request; countersign revoke --list shows them')
  return found
}

async function signPayload(
  { payload }: RevocationRequest,
  keyFile: string,
  passphraseFile: string | undefined,
  terminal: Terminal,
): Promise<{ keyId: string; signature: string }> {
  const pem = Buffer.from(await readBounded(keyFile, MAX_KEY_BYTES))
  const key = openKey(pem, await readPassphrase({ file: passphraseFile, isNew: false }, terminal), keyFile)
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const signature = sign('sha256', revocationToSign(decodeBase64(payload, 'the payload')), key)
  return { keyId: hash('sha256', spki, 'hex'), signature: encodeBase64(signature) }
}

function openKey(pem: Buffer, passphrase: string, keyFile: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, passphrase })
  } catch (cause) {
    throw outputError('cli.passphrase', `${keyFile} is no private key, or the passphrase is another`, { cause })
  }
}

async function confirmed(terminal: Terminal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY || terminal.json) return false
  const { confirm } = await import('@clack/prompts')
  const message = 'Sign this revocation? It cannot be taken back.'
  return (await confirm({ message, initialValue: false, output: process.stderr, signal: terminal.signal })) === true
}

function report(request: RevocationRequest, terminal: Terminal): number {
  const { state, approvals, required, record } = request
  if (state === 'logged') terminal.line(`logged       record ${record}; trust has ended`)
  else terminal.line(`approved     ${approvals.length} of ${required}; waits for further approvers`)
  terminal.result(request)
  return 0
}
