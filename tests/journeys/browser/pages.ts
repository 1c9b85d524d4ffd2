/**
 * `npm run test:browser`: what a person sees in a real Chromium, with scripts switched off. Needs `chromium` on PATH and fails
 * without it. With COUNTERSIGN_SCREENSHOTS naming a folder, every page is kept there as a picture.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { expectRun } from '../../support/expectRun.ts'
import { type Machine, newMachine } from '../../support/machine.ts'
import { countersign } from '../../support/programs.ts'
import { type RunResult, runProgram } from '../../support/runProgram.ts'
import { type Instance, startInstance } from '../../support/startInstance.ts'
import { findChromium, openBrowser } from './openBrowser.ts'

const pictures = process.env.COUNTERSIGN_SCREENSHOTS

let folder: string | undefined
let instance: Instance
let anna: Machine
let browser: BrowserContext
let page: Page

before(async () => {
  const program = findChromium()
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-browser-'))
  const dataFolder = path.join(folder, 'instance')
  instance = await startInstance({ dataFolder, arguments: ['--first-person', 'anna@example.org'] })
  anna = newMachine(folder)
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  expectRun(await anna.countersign('trust', 'add', ticket), 0)
  const ca = await anna.deviceRoot()
  browser = await openBrowser({ program, folder: path.join(folder, 'profile'), instanceUrl: instance.publicUrl, ca })
  page = await browser.newPage()
})

after(async () => {
  await browser?.close()
  await instance?.kill()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

/** The page has this heading and fits its window, also on a telephone. */
async function expectPage(heading: string): Promise<void> {
  assert.equal(await page.locator('h1').textContent(), heading)
  const widths = { phone: 390, desk: 1280 }
  for (const [name, width] of Object.entries(widths)) {
    await page.setViewportSize({ width, height: 900 })
    const file = `${heading.replace(/\W+/g, '-')}-${name}.png`
    if (pictures !== undefined) await page.screenshot({ path: path.join(pictures, file), fullPage: true })
    const needed = await page.evaluate('document.documentElement.scrollWidth')
    assert.equal(needed, width, `"${heading}" is ${needed} pixels wide in a window of ${width}`)
  }
}

/** Starts `countersign login` and opens the address that it prints; resolves with its code, before anybody has confirmed it. */
async function beginLogin(): Promise<{ code: string; ended: Promise<RunResult> }> {
  const printed = Promise.withResolvers<{ url: string; code: string }>()
  let output = ''
  const onOutput = (text: string) => {
    output += text
    const url = /^Open (\S+)$/m.exec(output)?.[1]
    const code = /confirm the code ([A-Z]{4}-[A-Z]{4}) /.exec(output)?.[1]
    if (url !== undefined && code !== undefined) printed.resolve({ url, code })
  }
  const ended = runProgram([...countersign, 'login'], { env: anna.env, onOutput })
  ended.then(({ stderr }) => printed.reject(new Error(`it asked for nothing:\n${stderr}`)), printed.reject)
  const { url, code } = await printed.promise
  await page.goto(url)
  return { code, ended }
}

test('without an invitation there is nothing to sign in to', async () => {
  await page.goto(`${instance.publicUrl}/people`)
  await expectPage('You need an invitation')
})

test('an invitation is redeemed with its code, and the page says what will become public', async () => {
  await page.goto(instance.invitation?.link ?? '')
  await expectPage('You are invited to sign')
  await page.getByLabel('Code').fill('AAAA-AAAA-AAAA-AAAA')
  await page.getByRole('button', { name: 'Continue' }).click()
  await expectPage('This did not work')

  await page.goto(instance.invitation?.link ?? '')
  await page.getByLabel('Code').fill(instance.invitation?.code ?? '')
  await page.getByRole('button', { name: 'Continue' }).click()
  await expectPage('You are signed in')
  assert.ok(await page.getByText('What becomes public.').isVisible())
  assert.ok(await page.getByText('anna@example.org').first().isVisible())
})

test('the code of a login is confirmed where it is the same as in the terminal', async () => {
  const { code, ended } = await beginLogin()
  await expectPage('Sign in on your terminal?')
  assert.equal(await page.locator('code').textContent(), code)
  await page.getByRole('button', { name: 'Approve' }).click()
  await expectPage('Signed in')
  expectRun(await ended, 0, 'as anna@example.org')
})

test('a login that she did not start is refused, and the program learns it', async () => {
  const { ended } = await beginLogin()
  await page.getByRole('button', { name: 'Refuse' }).click()
  expectRun(await ended, 1, 'cli.sign-in-failed')
})

test('a code can be typed, and a wrong one is told', async () => {
  const { code, ended } = await beginLogin()
  await page.goto(`${instance.publicUrl}/oidc/device`)
  await expectPage('Enter the code from your terminal')
  await page.getByLabel('Code').fill('XXXX-XXXX')
  await page.getByRole('button', { name: 'Continue' }).click()
  assert.ok(await page.getByRole('alert').isVisible())
  await page.getByLabel('Code').fill(code.toLowerCase())
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Approve' }).click()
  expectRun(await ended, 0, 'as anna@example.org')
})

test('the status page shows where everything is, and what needs attention', async () => {
  await page.goto(instance.publicUrl)
  await expectPage('Countersign at localhost')
  for (const title of ['Addresses', 'Logs', 'What ends when', 'Protections', 'Machine']) {
    assert.ok(await page.getByRole('heading', { name: title }).isVisible(), title)
  }
  assert.ok(await page.getByText('Nothing needs attention.').isVisible())
  await instance.admin('jobs', 'pause')
  await page.reload()
  await expectPage('Countersign at localhost')
  assert.ok(await page.getByText('scheduled work is paused', { exact: false }).isVisible())
})

test('she signs this browser out', async () => {
  await page.goto(`${instance.publicUrl}/people`)
  await expectPage('Signed in')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expectPage('Signed out')
  await page.goto(`${instance.publicUrl}/people`)
  await expectPage('You need an invitation')
})
