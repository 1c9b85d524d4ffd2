import { type CallOptions, callInstance } from '../../support/callInstance.ts'
import { countersignServer } from '../../support/programs.ts'
import { runProgram } from '../../support/runProgram.ts'
import { codesIn, type Outcome } from './badInput.ts'

/** Runs a program that has to end by itself, and reads what it says was wrong. */
export async function outcomeOf(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { status, stdout } = await runProgram(command, { env, timeoutMs: 60_000 })
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
