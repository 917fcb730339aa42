import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import { CHROMIUM, launchChromium, openPage, screenshot } from '../support/browser.js'
import { freeAddress } from '../support/free-port.mjs'
import { startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'
import { haveTool } from '../support/tools.js'

/** Runs a sessions command as Seneca's HTTP client sends it. */
async function act(
  address: string | undefined,
  cmd: string,
  args: object,
): Promise<{ readonly id: string }> {
  const response = await fetch(`${address}/act`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ role: 'sessions', cmd, ...args }),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as { id: string }
}

/** Waits for these rows, from the top; each contains its text. */
const expectRows = (rows: Locator, ...expected: string[]) =>
  expect
    .poll(() => rows.allTextContents())
    .toEqual(expected.map((text) => expect.stringContaining(text)))

describe.skipIf(!haveTool('chromium', [CHROMIUM, '--version']))('the page of a server', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  it('shows what Seneca and gRPC calls do, also after the server was away', async () => {
    const dataDir = await temporaryDirectory(afterAll)
    const args = [
      ...['--seneca', `http://${await freeAddress()}`],
      ...['--grpc', await freeAddress(), '--http', await freeAddress()],
    ]
    const server = await startServer({ dataDir, args })
    onTestFinished(() => server.stop().then(() => {}))
    const { grpc, http, seneca } = server.ready
    const connection = connect(grpc, { serverKeys: 'any' })
    onTestFinished(() => connection.close())
    const sessions = new SessionsClient(connection)

    const { page, complaints } = await openPage(browser, http)
    onTestFinished(() => page.context().close())
    const rows = page.locator('.row-button')
    await page.getByRole('heading', { name: 'No one is on' }).waitFor()

    // Opened by Seneca, with a name that would forge fields and markup if it could.
    const hostile = 'Zoë\nremove\r<img src=x onerror="document.title = 1">🦊'
    const shown = 'Zoë remove <img src=x onerror="document.title = 1">🦊'
    const opened = await act(seneca[0], 'open_session', {
      ...{ user_id: 'zoë', user_name: hostile, address: 'here', client: 'app' },
      user: { is_patron: true, is_mentor: true, registration_date: '2020-02-02T00:00:00Z' },
      data: { session_name: 'Morning practice' },
    })
    await expectRows(rows, `Morning practice${shown}PatronMentor1 of 1 active`)

    // Opened, then changed by gRPC.
    const { id } = await sessions.open({ userId: 'ada', address: 'there', client: 'studio' })
    await expectRows(rows, 'studioada1 of 1 active', 'Morning practice')
    const joined = [
      { user_id: 'ada', username: 'Ada Lovelace' },
      { user_id: 'bob', username: 'Bob', is_patron: true, active: false },
    ]
    await sessions.storeData(id, { session_name: 'Evening', users: joined })
    await expectRows(rows, 'Eveningada1 of 2 active', 'Morning practice')
    await rows.filter({ hasText: 'Evening' }).click()
    const users = page.getByRole('list', { name: 'Users' })
    expect(await users.locator('.user-name').allTextContents()).toEqual(['Ada Lovelace', 'Bob'])
    await sessions.storeData(id, { users: [...joined, { user_id: 'eve' }] })
    await expect
      .poll(() => users.locator('.user-name').allTextContents())
      .toEqual(['Ada Lovelace', 'Bob', 'eve'])
    await screenshot(page, 'live')

    // Away and back, with what happened meanwhile.
    await server.stop()
    await page.getByText('Not connected.').waitFor()
    expect(await rows.count()).toBe(2)
    const other = await startServer({ dataDir, args: ['--seneca', seneca[0] ?? ''] })
    onTestFinished(() => other.stop().then(() => {}))
    await act(seneca[0], 'close_session', { session_id: opened.id })
    await other.stop()
    const back = await startServer({ dataDir, args })
    onTestFinished(() => back.stop().then(() => {}))
    await expectRows(rows, 'ada2 of 3 active')
    await expect.poll(() => page.locator('.badge').textContent()).toBe('Live')

    await act(back.ready.seneca[0], 'delete_session_by_id', { session_id: id })
    await page.getByRole('heading', { name: 'No one is on' }).waitFor()
    expect(await page.title()).toBe('Sessions')
    expect(complaints.filter((text) => !/WebSocket connection|Failed to load/.test(text))).toEqual(
      [],
    )
  })

  it('follows the list over TLS, and its policy lets it', async () => {
    const tls = await tlsSetup(await temporaryDirectory(afterAll))
    const dataDir = await temporaryDirectory(afterAll)
    const server = await startServer({ dataDir, args: tls.serveArgs })
    onTestFinished(() => server.stop().then(() => {}))
    const { http } = server.ready
    expect(http).toMatch(/^https:/)
    const { page, complaints } = await openPage(browser, http, { ignoreHTTPSErrors: true })
    onTestFinished(() => page.context().close())
    await page.getByRole('heading', { name: 'No one is on' }).waitFor()
    expect(complaints).toEqual([])

    // This browser has no certificate of an operator; the next one has.
    const operate = async (of: Page) => {
      await of.getByRole('button', { name: 'Operate…' }).click()
      await of.getByRole('button', { name: 'Use a certificate' }).click()
    }
    await operate(page)
    await page.getByText('This browser showed no certificate that the server takes.').waitFor()
    const { cert, key } = tls.operators.issue({ usage: 'client' })
    const { page: certified } = await openPage(browser, http, {
      ignoreHTTPSErrors: true,
      clientCertificates: [{ origin: http, cert: Buffer.from(cert), key: Buffer.from(key) }],
    })
    onTestFinished(() => certified.context().close())
    await operate(certified)
    await certified.getByRole('link', { name: 'All sessions' }).click()
    await certified.getByRole('heading', { name: 'There are no sessions' }).waitFor()
  })

  it('asks for the token of a server that wants one, keeps it, and leaves it out of the address', async () => {
    const dataDir = await temporaryDirectory(afterAll)
    const tokenFile = join(dataDir, 'feed-token')
    const token = 'a/token+of&this=test'
    await writeFile(tokenFile, token, { mode: 0o600 })
    const server = await startServer({ dataDir, args: ['--feed-token', tokenFile] })
    onTestFinished(() => server.stop().then(() => {}))
    const { http } = server.ready
    const listed = (page: Page) => page.getByRole('heading', { name: 'No one is on' }).waitFor()

    const { page } = await openPage(browser, `${http}/#q=ada`)
    onTestFinished(() => page.context().close())
    await page.getByRole('heading', { name: 'The server wants a token' }).waitFor()
    await screenshot(page, 'wants-token')
    await page.getByLabel('Feed token').fill('another')
    await page.keyboard.press('Enter')
    await page.getByText('This is not the feed token').waitFor()
    await screenshot(page, 'wants-token-refused')
    await page.getByLabel('Feed token').fill(token)
    await page.getByRole('button', { name: 'Show the sessions' }).click()
    await listed(page)
    await page.reload()
    await listed(page)
    expect(new URL(page.url()).hash).toBe('#q=ada')

    // A link with the token, opened or typed into the address of the page that is there.
    const link = `#token=${encodeURIComponent(token)}`
    const { page: linked, complaints } = await openPage(browser, `${http}/${link}`)
    onTestFinished(() => linked.context().close())
    await listed(linked)
    expect(complaints).toEqual([])
    expect(new URL(linked.url()).hash).toBe('')
    const { page: typed } = await openPage(browser, http)
    onTestFinished(() => typed.context().close())
    await typed.getByRole('heading', { name: 'The server wants a token' }).waitFor()
    await typed.evaluate(`location.hash = 'token=${token.replace('&', '%26')}'`)
    await listed(typed)
    expect(typed.url()).not.toMatch('token')
  })
})
