import type { InstalledTrust } from './installTrust.ts'
import type { PageVisitor } from './pageVisitor.ts'
import { confirmDeviceCode } from './people.ts'
import { countersign } from './programs.ts'
import { mustRun } from './runProgram.ts'

/** The address in what a program prints for the device flow. */
const printed = /(https:\/\/\S+\/oidc\/device\S*)\s/

/** Runs a program that signs in by device flow, and confirms in `browser` the code that it prints. Resolves when it has ended well. */
export async function runWithDeviceFlow(
  command: readonly string[],
  browser: PageVisitor,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  let output = ''
  let confirmed: Promise<void> | undefined
  const failed = Promise.withResolvers<never>()
  const onOutput = (text: string) => {
    output += text
    const url = printed.exec(output)?.[1]
    const code = /\b([A-Z]{4}-[A-Z]{4})\b/.exec(output)?.[1]
    if (url === undefined || code === undefined || confirmed !== undefined) return
    confirmed = confirmDeviceCode(browser, url, code)
    confirmed.catch(failed.reject)
  }
  const run = await Promise.race([mustRun(command, { env, onOutput }), failed.promise])
  if (confirmed === undefined) throw new Error(`no device code in the output of ${command.join(' ')}:\n${output}`)
  return run.stdout + run.stderr
}

/** `countersign login`, confirmed in `browser`. */
export async function logIn(trust: InstalledTrust, browser: PageVisitor): Promise<void> {
  await runWithDeviceFlow([...countersign, 'login'], browser, trust.env)
}
