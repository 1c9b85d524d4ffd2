import { readFileSync } from 'node:fs'

/** The machines of the guide, by their names in it. */
export const machineNames = ['server', 'second machine'] as const
/** One of them. */
export type MachineName = (typeof machineNames)[number]

/** Where a block is typed: one machine or both, and one of its terminals; the first one has no name. */
export interface Place {
  readonly machines: readonly MachineName[]
  readonly terminal?: string
}

/** One thing that the guide tells its reader to do or to look at. */
export type Step =
  | {
      readonly do: 'type'
      readonly place: Place
      readonly text: string
      /** It goes on running, in a terminal of its own. */
      readonly staysOpen: boolean
      readonly status: number
      readonly shown: readonly string[]
    }
  | { readonly do: 'look'; readonly terminal: string; readonly shown: readonly string[] }
  | { readonly do: 'copy'; readonly file: string; readonly from: MachineName; readonly to: MachineName }
  | { readonly do: 'interrupt'; readonly terminals: readonly string[] }
  | { readonly do: 'redeem' }

/** A part of the guide under one heading. */
export interface Section {
  readonly title: string
  readonly steps: readonly Step[]
}

const lead =
  /^On (?:the (?<machine>server|second machine)|both machines)(?:, in (?<kind>a new terminal|the terminal) \*(?<terminal>\w+)\*)?:$/
const look = /^In the terminal \*(?<terminal>\w+)\* you see:$/
const copy =
  /\b[Cc]opy `~\/(?<file>[^`]+)` from the (?<from>server|second machine) to the (?<to>server|second machine)\b/g
const interrupt = /Press Ctrl-C in the terminals? (?<names>\*\w+\*(?:(?:, | and )\*\w+\*)*)/g
const redeem = /^Open the link in a browser and type the code\b/
const quiet = /^It prints nothing\b/
const ending = /\bexit code (\d+)\b/

/**
 * Reads a guide: what stands before a block says where to type it, and the `text` block after it shows what comes out. Refuses
 * a block without a place, and one that does not say what the reader sees.
 */
export function readGuide(file: string): Section[] {
  const [, ...sections] = readFileSync(file, 'utf8').split(/^## /m)
  return sections.map((section) => {
    const [title = ''] = section.split('\n', 1)
    return { title, steps: readSteps(section.slice(title.length), title) }
  })
}

type Open = { -readonly [Key in keyof Extract<Step, { do: 'type' }>]: Extract<Step, { do: 'type' }>[Key] }

function readSteps(body: string, title: string): Step[] {
  const steps: Step[] = []
  let before = ''
  let last: (Open & { isShown: boolean }) | undefined
  const finish = () => {
    if (last !== undefined && !last.isShown) throw new Error(`${title}: nothing is shown for\n${last.text}`)
  }
  for (const [, prose, language, text = ''] of body.matchAll(
    /([\s\S]*?)(?:^```(\w*)\n([\s\S]*?)^```$|$(?![\s\S]))/gm,
  )) {
    for (const paragraph of paragraphsOf(prose ?? '')) {
      before = paragraph
      steps.push(...doneIn(paragraph))
      if (last === undefined) continue
      last.isShown ||= quiet.test(paragraph)
      last.status = Number(ending.exec(paragraph)?.[1] ?? last.status)
    }
    if (language === 'sh') {
      finish()
      last = { ...readBlock(before, text, title), isShown: false }
      steps.push(last)
    } else if (language === 'text') {
      const shown = text.split('\n').slice(0, -1)
      const terminal = look.exec(before)?.groups?.terminal
      if (terminal !== undefined) steps.push({ do: 'look', terminal, shown })
      else if (last !== undefined && !last.isShown) Object.assign(last, { shown, isShown: true })
      else throw new Error(`${title}: it is not said where this is seen\n${text}`)
    } else if (language !== undefined) throw new Error(`${title}: another kind of block: ${language}`)
  }
  finish()
  return steps
}

function paragraphsOf(prose: string): string[] {
  return prose
    .split(/\n\s*\n/)
    .map((one) => one.trim().replaceAll(/\s*\n\s*/g, ' '))
    .filter((one) => one !== '')
}

/** What a paragraph tells to do, outside blocks. */
function doneIn(paragraph: string): Step[] {
  const copies = [...paragraph.matchAll(copy)].map(({ groups }) => ({ do: 'copy', ...groups }) as Step)
  const interrupts = [...paragraph.matchAll(interrupt)].map(({ groups }): Step => {
    const names = [...(groups?.names ?? '').matchAll(/\w+(?=\*)/g)].map(([name]) => name)
    return { do: 'interrupt', terminals: names }
  })
  return [...copies, ...interrupts, ...(redeem.test(paragraph) ? [{ do: 'redeem' } as const] : [])]
}

function readBlock(before: string, text: string, title: string): Open {
  const found = lead.exec(before)?.groups
  if (found === undefined) throw new Error(`${title}: it is not said where to type\n${text}`)
  const { machine, kind, terminal } = found
  const machines = machine === undefined ? machineNames : [machine as MachineName]
  const place = { machines, ...(terminal !== undefined && { terminal }) }
  return { do: 'type', place, text, staysOpen: kind !== undefined, status: 0, shown: [] }
}

/**
 * Whether the lines of `shown` come out whole and in this order, other lines between them. `…` stands for anything within a
 * line, and alone for any lines. Returns the first line that is missing.
 */
export function missingLine(shown: readonly string[], output: string): string | undefined {
  const lines = output.split('\n').map((line) => line.trimEnd())
  let at = 0
  for (const wanted of shown) {
    if (wanted.trim() === '…' || wanted.trim() === '') continue
    const pattern = new RegExp(`^${wanted.trimEnd().split('…').map(RegExp.escape).join('.*')}$`)
    const found = lines.findIndex((line, index) => index >= at && pattern.test(line))
    if (found < 0) return wanted
    at = found + 1
  }
  return undefined
}
