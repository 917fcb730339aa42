import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Browser, Page, Request } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect, fetchServerKeys } from '../../src/client/index.js'
import { CHROMIUM, launchChromium, openPage } from '../support/browser.js'
import { freePort } from '../support/free-port.mjs'
import { ENVIRONMENT, run, startServer, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = join(ROOT, 'examples/browser')

/** The example on a server of its own, and a browser. */
const itOpened = it
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture depends on
  .extend('directory', { scope: 'file' }, async ({}, { onCleanup }) =>
    temporaryDirectory(onCleanup),
  )
  .extend('sessiond', { scope: 'file' }, async ({ directory }, { onCleanup }) => {
    const server = await startServer({ dataDir: join(directory, 'data') })
    onCleanup(async () => void (await server.stop()))
    const connection = connect(server.ready.grpc, { serverKeys: 'any' })
    const [key = new Uint8Array()] = await fetchServerKeys(connection)
    connection.close()
    return { address: server.ready.grpc, key: Buffer.from(key).toString('hex') }
  })
  .extend('url', { scope: 'file' }, async ({ sessiond }, { onCleanup }) => {
    const tool = (name: string, ...args: string[]) =>
      run(join(ROOT, 'node_modules/.bin', name), args)
    expect(await tool('tsc', '--project', EXAMPLE)).toMatchObject({ code: 0, stdout: '' })
    const page = ['build', join(EXAMPLE, 'page'), '--outDir', '../dist/page', '--emptyOutDir']
    expect(await tool('vite', ...page)).toMatchObject({ code: 0 })
    const { address, key } = sessiond
    const port = `${await freePort()}`
    const env = {
      ...{ ...ENVIRONMENT, PORT: port, SESSIOND_SERVER: address, SESSIOND_SERVER_KEY: key },
    }
    const server = spawn(process.execPath, [join(EXAMPLE, 'dist/server.js')], { env })
    const closed = once(server, 'close')
    onCleanup(async () => {
      server.kill()
      await closed
    })
    const [line] = await once(createInterface(server.stdout), 'line')
    return `${line}`
  })
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what the fixture depends on
  .extend('browser', { scope: 'file' }, async ({}, { onCleanup }): Promise<Browser> => {
    const browser = await launchChromium()
    onCleanup(() => browser.close())
    return browser
  })
  .extend('page', async ({ browser, url }) => {
    const { page } = await openPage(browser, url)
    onTestFinished(() => page.context().close())
    await expect.poll(() => said(page)).toBe('There is no session.')
    await click(page, 'Open a session', /^A session is open/)
    return page
  })

const said = (page: Page) => page.getByRole('status').textContent()

/** Clicks a button, and waits for what the page then says. */
async function click(page: Page, button: string, expected: RegExp): Promise<void> {
  await page.getByRole('button', { name: button }).click()
  await expect.poll(() => said(page)).toMatch(expected)
}

/** What the page sends when it writes a note. */
async function writing(page: Page): Promise<Request> {
  const sent = page.waitForRequest((request) => request.url().endsWith('/notes'))
  await click(page, 'Write a note', /^200 session \S+ wrote: a note$/)
  return sent
}

/** The headers of a note that the page writes, and that reaches no server. */
async function unsent(page: Page): Promise<Record<string, string>> {
  await page.route('**/notes', (route) => route.abort(), { times: 1 })
  const sent = page.waitForRequest((request) => request.url().endsWith('/notes'))
  await page.getByRole('button', { name: 'Write a note' }).click()
  return (await sent).headers()
}

describe.skipIf(!haveTool('chromium', [CHROMIUM, '--version']))('examples/browser', () => {
  itOpened(
    'opens a session for a key that nobody can take out of the browser',
    async ({ page }) => {
      expect(await said(page)).toMatch(/Exporting its private key: InvalidAccessError/)
      await click(page, 'Write a note', /^200 session \S+ wrote: a note$/)
    },
  )

  itOpened('goes on with its session after a reload', async ({ page }) => {
    const first = await writing(page)
    await page.reload()
    await expect.poll(() => said(page)).toBe('There is a session from before.')
    const second = await writing(page)
    const token = (request: Request) => request.headers().authorization
    expect(token(second)).toBe(token(first))
  })

  itOpened('takes no request a second time, and none that was changed', async ({ page, url }) => {
    const headers = (await writing(page)).headers()
    const send = async (change: Record<string, string>, body = 'a note') => {
      const sent = { method: 'POST', headers: { ...headers, ...change }, body }
      const response = await fetch(`${url}/notes`, sent)
      return `${response.status} ${await response.text()}`
    }
    expect(await send({})).toMatch(/^401 .*REPLAYED/)
    const input = headers['signature-input'] ?? ''
    const another = { 'signature-input': input.replace(/nonce="[^"]+"/, 'nonce="another"') }
    expect(another['signature-input']).not.toBe(input)
    expect(await send(another)).toMatch(/^401 .*BAD_PROOF/)
    expect(await send(await unsent(page), 'a lie')).toMatch(/^401 .*BAD_PROOF/)
  })

  itOpened('is of no use to whoever stole its token', async ({ page, browser, url }) => {
    const stolen = (await writing(page)).headers().authorization ?? ''
    const { page: thief } = await openPage(browser, url)
    onTestFinished(() => thief.context().close())
    await click(thief, 'Open a session', /^A session is open/)
    await thief.route('**/notes', (route, request) =>
      route.continue({ headers: { ...request.headers(), authorization: stolen } }),
    )
    await click(thief, 'Write a note', /^401 .*BAD_PROOF/)
  })

  itOpened('ends at once', async ({ page }) => {
    await click(page, 'End the session', /^200 session \S+ has ended$/)
    await click(page, 'Write a note', /^401 the session has ended/)
  })
})
