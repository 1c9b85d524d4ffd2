import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { type CallOptions, callInstance } from '../../support/callInstance.ts'
import { countersignServer } from '../../support/programs.ts'
import { runProgram } from '../../support/runProgram.ts'
import { codesIn, type Outcome } from './badInput.ts'

/** Runs a program that has to end by itself, and reads what it says was wrong. */
export async function outcomeOf(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Outcome> {
  const given = input === undefined ? {} : { input }
  const { status, stdout } = await runProgram(command, { env, timeoutMs: 180_000, ...given })
  return { code: codesIn(stdout), exitCode: status }
}

/** Runs a command of the server and reads what it says was wrong. */
export function serverOutcome(...command: readonly string[]): Promise<Outcome> {
  return outcomeOf([...countersignServer, ...command, '--json'])
}

/** Sends a request and reads the problem document that comes back. */
export async function answerTo(url: string, options: CallOptions): Promise<Outcome> {
  const { status, bytes } = await callInstance(url, options)
  return { code: codesIn(bytes.toString('utf8')), exitCode: status }
}

/** Posts JSON, or text as it is. */
export function postJson(url: string, ca: string, body: unknown): Promise<Outcome> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return answerTo(url, { ca, headers: { 'content-type': 'application/json' }, body: text })
}

/**
 * Posts JSON that is too large, as clients do that mind their line: announces it, sends the first part, and waits.
 * Who goes on writing instead may see the connection end before the answer.
 */
export async function announceJson(url: string, ca: string, body: unknown): Promise<Outcome> {
  const bytes = Buffer.from(JSON.stringify(body))
  const { hostname, port, pathname } = new URL(url)
  const headers = { 'content-type': 'application/json', 'content-length': bytes.length }
  const address = { host: '127.0.0.1', servername: hostname, port, path: pathname }
  const sent = request({ ...address, method: 'POST', ca, headers, agent: false })
  sent.write(bytes.subarray(0, 16_384))
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return { code: codesIn(await text(response)), exitCode: response.statusCode ?? null }
  } finally {
    sent.on('error', () => {}).destroy()
  }
}
