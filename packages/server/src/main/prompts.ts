import { instanceError } from '../instance/errors.ts'

// Loaded when somebody is asked: a server that starts by itself asks nobody.
const prompts = () => import('@clack/prompts')

/** Whether there is a person at a terminal who can be asked. */
function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Asks yes or no; no where nobody can be asked. */
export async function askYes(question: string): Promise<boolean> {
  if (!canAsk()) return false
  const { confirm } = await prompts()
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr })
  return answer === true
}

/** Asks for a line of text; undefined where nobody can be asked or nothing was typed. */
export async function askText(question: string, example: string): Promise<string | undefined> {
  if (!canAsk()) return undefined
  const { isCancel, text } = await prompts()
  const answer = await text({ message: question, placeholder: example, output: process.stderr })
  return isCancel(answer) || answer === '' ? undefined : answer
}

/** A function that asks for a secret without showing it, twice; undefined where nobody can be asked. */
export function askSecret(question: string): (() => Promise<string>) | undefined {
  if (!canAsk()) return undefined
  return async () => {
    const { isCancel, password } = await prompts()
    const first = await password({ message: question, output: process.stderr })
    const again = await password({ message: `${question}, again`, output: process.stderr })
    if (isCancel(first) || first !== again) {
      throw instanceError('instance.passphrase-missing', 'the two answers differ, or there was none')
    }
    return first
  }
}
