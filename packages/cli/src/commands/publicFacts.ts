import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { createFile } from '@countersign/local/files/durable.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'

/** What anyone can read for ever after a signature. */
export function publicFacts(instance: string): string[] {
  return [
    `Every signature is entered into public logs of ${instance}, which never forget. Anyone can read there:`,
    '  - your e-mail address and who vouched for it (in the certificate),',
    '  - the SHA-256 digest of what you sign, and when you signed it.',
    'The files themselves, their names and your sign-in are not published.',
  ]
}

/**
 * Before the first signature of this machine at an instance: says what becomes public and asks, unless `yes` answers.
 * The answer is remembered durably. Throws `cli.not-confirmed`.
 */
export async function confirmPublicFacts(anchors: Anchors, yes: boolean, terminal: Terminal): Promise<void> {
  const file = join(anchors.folder, 'public-facts-confirmed')
  if (existsSync(file)) return
  for (const line of publicFacts(anchors.url)) terminal.note(line)
  if (!yes && !(await ask(terminal))) throw outputError('cli.not-confirmed', 'what becomes public was not confirmed')
  await createFile(file, Buffer.from('v1\n'), { point: 'cli.public-facts', mode: 0o600 })
}

async function ask(terminal: Terminal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY || terminal.json) return false
  const { confirm } = await import('@clack/prompts')
  const answer = await confirm({
    message: 'Sign?',
    initialValue: false,
    output: process.stderr,
    signal: terminal.signal,
  })
  return answer === true
}
