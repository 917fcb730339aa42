import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Browser, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { CredentialError } from '../../src/core/errors.js'
import { readPages } from '../../src/http/pages.js'
import { CHROMIUM, findings, launchChromium, openPage, screenshot } from '../support/browser.js'
import { startFeed } from '../support/feed-server.js'
import { sessionsAt } from '../support/sessions.js'
import { haveTool } from '../support/tools.js'

const BUILT = fileURLToPath(new URL('../../dist/web', import.meta.url))
const OPERATOR = { name: 'admin token', address: '127.0.0.1:1' }

describe.skipIf(!haveTool('chromium', [CHROMIUM, '--version']))('operating on the page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  async function start(first: string | null) {
    let token = first
    const at = sessionsAt()
    const options = {
      expectedVersion: '0.0.1',
      pages: readPages(BUILT),
      viewing: {
        version: '0.0.1',
        operators: { adminToken: token !== null, clientCertificates: false },
        history: async () => ({ now_at_ms: 0, open_sessions: 0, max_listed: 100, minutes: [] }),
      },
      ...(token !== null && {
        operator: {
          sessions: at.sessions,
          search: at.search,
          operator({ headers }: IncomingMessage) {
            if (headers.authorization !== `Bearer ${token}`) {
              throw new CredentialError('the token')
            }
            return OPERATOR
          },
          onInternalError: (_: string, error: unknown) => expect.fail(`${error}`),
        },
      }),
    }
    const { server, sessions, audited } = await startFeed(options, { at })
    const open = async (options = {}) => {
      const { page, complaints } = await openPage(browser, server.address, options)
      onTestFinished(async () => {
        await page.context().close()
        // The browser itself tells of answers that are no success.
        expect(complaints.filter((text) => !/Failed to load resource/.test(text))).toEqual([])
      })
      return page
    }
    const changeToken = (next: string) => {
      token = next
    }
    return { sessions, audited, open, changeToken }
  }

  const people = (address: string) => ({
    ...{ userId: 'u-ada', userName: 'Ada Lovelace', address, client: 'studio' },
    data: '{"session_name":"Morning practice"}',
  })

  it('shows nothing to close without the token', async () => {
    const { sessions, open } = await start('the-right-token')
    await sessions.open(people('here'))
    const page = await open()
    await page.locator('.row-button').click()
    await page.getByRole('list', { name: 'Users' }).waitFor()
    expect(await page.getByRole('button', { name: /Close/ }).count()).toBe(0)

    await page.getByRole('button', { name: 'Operate…' }).click()
    await page.getByLabel('Admin token').fill('a-wrong-token')
    await page.keyboard.press('Enter')
    await page.getByText('This is not the admin token').waitFor()
    await screenshot(page, 'operator-wrong-token')
    // What no header can carry is not sent, and is no token either.
    await page.getByLabel('Admin token').fill('\u201ca wrong token\u201d')
    await page.keyboard.press('Enter')
    await page.getByText('This is not the admin token').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await page.getByRole('button', { name: /Close/ }).count()).toBe(0)
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Operate…')
  })

  it('begins nothing where signing in was cancelled before the server answered', async () => {
    const { open } = await start('the-right-token')
    const page = await open()
    const asked = new Promise<Route>((resolve) => {
      page.route('**/operator/check', (route) => resolve(route))
    })
    await page.getByRole('button', { name: 'Operate…' }).click()
    await page.getByLabel('Admin token').fill('the-right-token')
    await page.keyboard.press('Enter')
    const call = await asked
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    const answer = page.waitForResponse('**/operator/check')
    await call.continue()
    await (await answer).finished()
    // One of the page's own, so that it has dealt with that answer.
    await page.evaluate("fetch('session-list/access').then((answer) => answer.json())")
    expect(await page.getByRole('button', { name: 'Stop operating' }).count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Operate…' }).count()).toBe(1)
  })

  it('closes one session, then all of a user, each after a confirmation', async () => {
    const { sessions, audited, open } = await start('the-right-token')
    const first = await sessions.open(people('here'))
    await sessions.open(people('there'))
    await sessions.open(people('elsewhere'))
    await sessions.open({ userId: 'bob', address: 'here', client: 'bobs' })
    const page = await open({ viewport: { width: 1100, height: 900 } })
    const rows = page.locator('.row-button')
    await expect.poll(() => rows.count()).toBe(4)
    await page.getByRole('button', { name: 'Operate…' }).click()
    await page.getByLabel('Admin token').fill('the-right-token')
    await page.getByRole('button', { name: 'Operate', exact: true }).click()
    await page.getByRole('button', { name: 'Stop operating' }).waitFor()

    await page.locator(`[data-id="${first.id}"]`).click()
    await screenshot(page, 'operator-row')
    // What opens below a row is as high as the list thinks: no row lies over another.
    const panel = await page.locator('.panel').boundingBox()
    const row = await page.locator('.row-opened').boundingBox()
    expect(row?.height).toBe(68 + (panel?.height ?? 0))
    await page.getByRole('button', { name: 'Close session…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Close this session?' })
    await dialog.getByText('u-ada').waitFor()
    await dialog.getByText('Expires').waitFor()
    await dialog.getByText('a command', { exact: true }).waitFor()
    await screenshot(page, 'operator-confirm')
    await dialog.getByRole('button', { name: 'Keep open' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(await sessions.get(first.id)).toMatchObject({ active: true })
    expect(audited).toEqual([])

    await page.getByRole('button', { name: 'Close session…' }).click()
    await dialog.getByRole('button', { name: 'Close session' }).click()
    await page.getByText('Closed a session of Ada Lovelace.').waitFor()
    await expect.poll(() => rows.count()).toBe(3)

    await rows.filter({ hasText: 'Ada Lovelace' }).first().click()
    await page.getByRole('button', { name: 'Close all of Ada Lovelace…' }).click()
    await page.getByRole('dialog', { name: 'Close all of this user?' }).waitFor()
    await page.getByText('2 sessions').waitFor()
    await screenshot(page, 'operator-confirm-user')
    await page.getByRole('button', { name: 'Close all', exact: true }).click()
    await page.getByText('Closed 2 sessions of Ada Lovelace.').waitFor()
    await expect.poll(() => rows.count()).toBe(1)
    expect(audited.map(({ action, caller }) => [action, caller.name])).toEqual(
      Array(3).fill(['close', 'admin token']),
    )

    await page.getByRole('button', { name: 'Stop operating' }).click()
    await rows.first().click()
    await page.getByRole('list', { name: 'Users' }).waitFor()
    expect(await page.getByRole('button', { name: /Close/ }).count()).toBe(0)
  })

  it('says so where the token was changed, and begins anew without what was done before', async () => {
    const { sessions, open, changeToken } = await start('the-first-token')
    await sessions.open(people('here'))
    await sessions.open(people('there'))
    const page = await open()
    const dialog = page.getByRole('dialog', { name: 'Close this session?' })
    const operate = async (token: string) => {
      await page.getByRole('button', { name: 'Operate…' }).click()
      await page.getByLabel('Admin token').fill(token)
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'Stop operating' }).waitFor()
    }
    await operate('the-first-token')
    await page.locator('.row-button').first().click()
    await page.getByRole('button', { name: 'Close session…' }).click()
    await dialog.getByRole('button', { name: 'Close session' }).click()
    const done = page.getByText('Closed a session of Ada Lovelace.')
    await done.waitFor()

    changeToken('the-next-token')
    await page.locator('.row-button').first().click()
    await page.getByRole('button', { name: 'Close session…' }).click()
    await dialog.getByText('The server does not accept this token.').waitFor()
    await dialog.getByRole('button', { name: 'Keep open' }).click()
    await page.getByRole('button', { name: 'Stop operating' }).click()
    await operate('the-next-token')
    expect(await done.count()).toBe(0)
  })

  it('shows what failed after Escape, and can be told to do it again', async () => {
    const { sessions, open } = await start('the-right-token')
    await sessions.open(people('here'))
    const page = await open()
    const closing = new Promise<Route>((resolve) => {
      page.route('**/operator/close', (route) =>
        route.request().postDataJSON().dry_run ? route.continue() : resolve(route),
      )
    })
    await page.getByRole('button', { name: 'Operate…' }).click()
    await page.getByLabel('Admin token').fill('the-right-token')
    await page.keyboard.press('Enter')
    await page.locator('.row-button').click()
    await page.getByRole('button', { name: 'Close session…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Close this session?' })
    await dialog.getByText('1 open session will end.').waitFor()
    await dialog.getByRole('button', { name: 'Close session' }).click()
    const call = await closing
    await page.keyboard.press('Escape')
    await call.abort()
    await dialog.getByText('The outcome is unknown.').waitFor()
    await page.unroute('**/operator/close')
    await dialog.getByRole('button', { name: 'Close session' }).click()
    await page.getByText('Closed a session of Ada Lovelace.').waitFor()
    await dialog.waitFor({ state: 'detached' })
  })

  it('offers operator mode only where the server has a credential for it', async () => {
    const { open } = await start(null)
    const page = await open()
    await page.getByRole('heading', { name: 'No one is on' }).waitFor()
    await page.evaluate("location.hash = '#view=all'")
    await page.getByRole('heading', { name: 'This server has no operators' }).waitFor()
    expect(await page.getByRole('button', { name: 'Operate…' }).count()).toBe(0)
    await screenshot(page, 'operator-none')
  })

  it.each(['light', 'dark'] as const)('is readable to everyone, %s', async (colorScheme) => {
    const { sessions, open } = await start('the-right-token')
    await sessions.open(people('here'))
    const page = await open({
      ...{ bypassCSP: true, colorScheme, reducedMotion: 'reduce' },
      ...{ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
    })
    await page.getByRole('button', { name: 'Operate…' }).click()
    await page.getByLabel('Admin token').fill('the-right-token')
    await page.keyboard.press('Enter')
    await page.locator('.row-button').first().tap()
    await page.getByRole('button', { name: 'Close session…' }).tap()
    await page.getByText('u-ada').waitFor()
    await screenshot(page, `operator-phone-${colorScheme}`)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(await findings(page)).toEqual([])
  })
})
