import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page, Route } from 'playwright-core'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connect, createSession, generateKey, SessionsClient } from '../../src/client/index.js'
import { JSON_TEXT } from '../../src/client/sessions/json-form.js'
import { CHROMIUM, findings, launchChromium, openPage, screenshot } from '../support/browser.js'
import { startServer, temporaryDirectory } from '../support/process.js'
import { suiteEnd } from '../support/suite-end.js'
import { haveTool } from '../support/tools.js'

const TOKEN = 'the/admin+token=of-this-test'
/** More than a search looks at in one call. */
const CROWD = 2_100
const LISTED = 40
/** For a person to look at: `test/output/`. */
const WANTS_PICTURES = process.env.SESSIOND_TEST_LONG === '1'
const BROWSER =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
const DATA = {
  session_name: 'Morning practice',
  users: Array.from({ length: 130 }, (_, i) => ({ user_id: `u-${i}`, tags: [{ deep: [[i]] }] })),
  nothing: {},
  markup: '<img src=x onerror="document.title = 1">',
}
/** Its digits are more than a number of JavaScript holds. */
const USER = '{"is_patron":true,"account":12345678901234567890}'

describe.skipIf(!haveTool('chromium', [CHROMIUM, '--version']))('the console', () => {
  let browser: Browser
  let url: string
  let sessions: SessionsClient<string>
  let endless: string

  const atEnd = suiteEnd()
  beforeAll(async () => {
    const dataDir = await temporaryDirectory(atEnd)
    const tokenFile = join(dataDir, 'admin-token')
    await writeFile(tokenFile, TOKEN, { mode: 0o600 })
    const args = [
      ...['--admin-token-file', tokenFile, '--feed-max-sessions', `${LISTED}`],
      ...['--http-path', '/ops', '--max-lifetime', '104249000d'],
    ]
    const server = await startServer({ dataDir, args })
    atEnd(() => server.stop())
    const connection = connect(server.ready.grpc, { serverKeys: 'any', adminToken: TOKEN })
    atEnd(() => connection.close())
    url = `${new URL(server.ready.http).origin}/ops/`
    sessions = new SessionsClient(connection, {}, JSON_TEXT)
    // The oldest first: one to be found behind a crowd, then those that lists begin with.
    const open = (userId: string, address: string, client: string, userName = '') =>
      sessions.open({ userId, address, client, userName })
    await open('needle', '198.51.100.1', 'haystack')
    for (let i = 0; i < CROWD; i += 300) {
      const some = Array.from({ length: Math.min(300, CROWD - i) }, (_, k) => i + k)
      await Promise.all(some.map((n) => open(`crowd-${n}`, '192.0.2.9', 'crowd')))
    }
    const closed = await open('u-zoe', '192.0.2.7', 'studio', 'Zoë Ångström')
    await sessions.close(closed.id)
    for (const address of ['192.0.2.7', '2001:db8:85a3::8a2e:370:7334', '203.0.113.5']) {
      await open('u-grace', address, 'billing-worker', 'Grace Hopper')
    }
    endless = (
      await createSession(connection, { ownerKey: generateKey('ed25519'), lifetimeMs: 9e15 })
    ).id
    const long =
      'A name that goes on and on, since nobody stopped the person who typed it out to its end'
    await open('u-long', '192.0.2.7', BROWSER, long)
    const ada = await open('u-ada', '192.0.2.7', BROWSER, 'Ada Lovelace')
    await sessions.updateUser(ada.id, USER)
    await sessions.storeData(ada.id, JSON.stringify(DATA))
    browser = await launchChromium()
    atEnd(() => browser.close())
  })

  /** Opens the page at this fragment; the test fails where the browser complains of anything. */
  async function open(fragment = '', options: Parameters<typeof openPage>[2] = {}) {
    const size = { viewport: { width: 1200, height: 850 } }
    const { page, complaints } = await openPage(browser, `${url}${fragment}`, {
      ...size,
      ...options,
    })
    onTestFinished(async () => {
      await page.context().close()
      // The browser itself tells of answers that are no success.
      expect(complaints.filter((text) => !/Failed to load resource/.test(text))).toEqual([])
    })
    return page
  }

  async function signIn(page: Page) {
    await page.getByLabel('Admin token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Stop operating' }).waitFor()
    return page
  }
  const console = async (fragment = '', options = {}) =>
    signIn(await open(`#view=all${fragment}`, options))

  const found = (page: Page) => page.locator('.found-button')
  const row = (page: Page, text: string) => found(page).filter({ hasText: text })
  const state = (page: Page) => new URLSearchParams(new URL(page.url()).hash.slice(1))
  /** The address follows what is typed after a moment. */
  const expectState = (page: Page, expected: Record<string, string>) =>
    expect.poll(() => Object.fromEntries(state(page))).toEqual(expected)

  it('tells viewers of all that is open, and finds more than the list has', async () => {
    const page = await open()
    const open_ = CROWD + 1 + 3 + 3
    const total = new Intl.NumberFormat('en').format(open_)
    await page.getByText(`${LISTED} of ${total}`).waitFor()
    expect(await page.locator('.totals').textContent()).toMatch(`Open sessions${total}`)
    await page.getByText('Open sessions, the last 5 minutes').waitFor()
    expect(await page.getByRole('link', { name: 'All sessions' }).count()).toBe(0)

    await page.getByRole('searchbox').fill('needle')
    await page.getByRole('heading', { name: 'No match among the listed sessions' }).waitFor()
    await page.getByText('they were not searched').waitFor()
    await page.getByRole('button', { name: 'Search all sessions, ended ones too' }).click()
    await signIn(page)
    // An exact user is found by an index, however far it lies back.
    await row(page, 'haystack').waitFor()
    expect(await found(page).count()).toBe(1)
    await expectState(page, { view: 'all', q: 'needle' })
    // The list says itself that it is a part; the server's notice of it would say it twice.
    expect(await page.getByText('The server says').count()).toBe(0)
  })

  it('says of no search that nothing open matches, also before it knows how many are open', async () => {
    const page = await open()
    await page.route('**/session-list/history', (route) => route.abort())
    await page.reload()
    await page.getByText(`${LISTED} sessions`).waitFor()
    await page.getByRole('searchbox').fill('needle')
    await page.getByRole('heading', { name: 'No match among the listed sessions' }).waitFor()
    expect(await page.getByText(/no (open )?session/i).count()).toBe(0)
  })

  it('goes on where a search of the server stopped', async () => {
    const page = await console('&q=haystack')
    await page.getByRole('heading', { name: 'Nothing found yet' }).waitFor()
    await page.getByText('The server looked at 1,500 sessions, to a last request at').waitFor()
    const further = page.waitForRequest('**/operator/search')
    await page.getByRole('button', { name: 'Look further' }).click()
    await row(page, 'needle').waitFor()
    // From where it stopped: what was looked at is not looked at again.
    expect((await further).postDataJSON()).toHaveProperty('cursor')
    await page.getByText('That is all.').waitFor()

    await go(page, '#view=all&client=crowd')
    await page.getByText('The first 50').waitFor()
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.getByText('The first 100').waitFor()
    // Asked anew, the list shows as much as before, and at no moment less.
    await page.evaluate(`globalThis.fewest = 100
      new MutationObserver(() => {
        fewest = Math.min(fewest, document.querySelectorAll('.found-row').length)
      }).observe(document.querySelector('.found-list'), { childList: true })`)
    const before = await page.getByText('as of').textContent()
    await expect
      .poll(async () => {
        await page.getByRole('button', { name: 'Refresh' }).click()
        return page.getByText('as of').textContent()
      })
      .not.toBe(before)
    expect(await found(page).count()).toBe(100)
    expect(await page.evaluate('fewest')).toBe(100)
  })

  it('keeps search, filters, order and details in the address, and no token', async () => {
    const page = await console()
    await page.getByRole('searchbox').fill('192.0.2')
    await page.getByLabel('State').selectOption('Open')
    await page.getByLabel('Sort by').selectOption('Opened last')
    await page.getByLabel('Kind').selectOption('By a command')
    expect(await page.getByLabel('Sort by').locator('option').allTextContents()).toEqual(
      expect.not.arrayContaining(['Ended last']),
    )
    await row(page, 'Ada Lovelace').click()
    const id = (await row(page, 'Ada Lovelace').getAttribute('data-id')) ?? ''
    const shown = { view: 'all', q: '192.0.2', state: 'open', sort: 'opened', kind: 'command' }
    await expectState(page, { ...shown, session: id })
    const before = await found(page).allTextContents()

    await page.reload()
    await signIn(page)
    await page.getByText('Morning practice').waitFor()
    expect((await found(page).allTextContents()).length).toBe(before.length)
    expect(page.url()).not.toContain(encodeURIComponent(TOKEN))
    // A link to a session that the search does not find shows it all the same.
    const linked = await console(`&q=haystack&session=${id}`)
    await linked.getByRole('heading', { name: 'Opened session' }).waitFor()
    await linked.getByText('Morning practice').waitFor()

    await page.getByRole('button', { name: 'Find all with this client' }).click()
    await expectState(page, { view: 'all', client: BROWSER, sort: 'opened' })
    await page.getByText('Exact filters (1)').waitFor()
    await expect.poll(() => found(page).count()).toBe(2)
    await page.goBack()
    await expect.poll(() => state(page).get('q')).toBe('192.0.2')
    await page.getByRole('link', { name: 'Live list' }).click()
    await expectState(page, { q: '192.0.2' })
  })

  it('says nothing of a search before the server has answered it', async () => {
    const page = await console('&user=nobody')
    await page.getByRole('heading', { name: 'No session matches' }).waitFor()
    let answer = () => {}
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    await page.route('**/operator/search', async (route) => {
      await held
      await route.continue()
    })
    const asked = page.waitForRequest('**/operator/search')
    await go(page, '#view=all&user=u-ada')
    await asked
    await page.getByText('Searching…').waitFor()
    expect(await page.getByRole('heading', { name: /no session/i }).count()).toBe(0)
    answer()
    await row(page, 'Ada Lovelace').waitFor()
  })

  it('shows what is kept of a session, and copies it', async () => {
    const page = await console('&q=u-ada', { permissions: ['clipboard-read', 'clipboard-write'] })
    await row(page, 'Ada Lovelace').click()
    const details = page.locator('.details')
    await details.getByText('12345678901234567890').waitFor()
    await details.getByText('<img src=x onerror="document.title = 1">').waitFor()
    expect(await details.locator('img').count()).toBe(0)
    expect(await details.getByText('Show 30 of 30 more').count()).toBe(1)
    // The first user, which is closed at first, and the tags in it.
    await details.locator('summary').nth(1).click()
    await details.getByText('u-0').waitFor()
    await details.locator('summary').nth(2).click()
    await page.getByRole('button', { name: 'Copy the user id' }).click()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('u-ada')
    await page.getByRole('button', { name: 'Copy User as JSON' }).click()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(USER)
    // As on a page without TLS, which has no clipboard of its own.
    await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined })
      document.addEventListener('copy', ({ target }) => { document.title = target.value })`)
    await page.getByRole('button', { name: 'Copy the session id' }).click()
    expect(await page.title()).toBe(await row(page, 'Ada Lovelace').getAttribute('data-id'))

    await page.getByRole('searchbox').fill(endless)
    await page.locator(`[data-id="${endless}"]`).click()
    await page.getByText('never: its lifetime has no end').waitFor()
    await page.getByText('token session (Create)').waitFor()
    await page.getByRole('button', { name: 'Close session…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('never: its lifetime has no end').waitFor()
    expect(await dialog.textContent()).not.toMatch(/Invalid/)
  })

  it('closes and deletes several after saying what will happen', async () => {
    for (const address of ['203.0.113.1', '203.0.113.2', '203.0.113.3']) {
      const { id } = await sessions.open({ userId: 'u-many', address, client: 'many' })
      await (address.endsWith('3') ? sessions.close(id) : sessions.get(id))
    }
    const page = await console('&client=many')
    await expect.poll(() => found(page).count()).toBe(3)
    await page.getByLabel('Select all that are shown').check()
    await page.getByText('3 selected').waitFor()
    await page.getByRole('button', { name: 'Close…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Close 3 sessions?' })
    const forecast = dialog.getByRole('list', { name: 'What will happen' })
    await forecast.getByText('2 open sessions will end.').waitFor()
    await forecast.getByText('1 session had ended before and will not change.').waitFor()
    await dialog.getByRole('button', { name: 'Close 3 sessions' }).click()
    await page.getByText('Closed 2 sessions. 1 session had ended before.').waitFor()
    // What had the focus is gone: Tab goes on from the list.
    await expect
      .poll(() => page.evaluate('document.activeElement.className'))
      .toMatch('found-count')
    await expect
      .poll(() => page.locator('.pill').allTextContents())
      .toEqual(Array(3).fill('Closed'))
    await found(page).first().click()
    await page.getByText('Closed by admin token').waitFor()
    await page.getByText('Its user and its data were removed when it ended.').waitFor()

    await page.locator('.found-box').nth(0).check()
    await page.locator('.found-box').nth(2).check()
    await page.getByLabel('Selected sessions').getByRole('button', { name: 'Delete…' }).click()
    await page.getByText('2 records will be deleted.').waitFor()
    await page.getByRole('button', { name: 'Delete 2 sessions' }).click()
    await page.getByText('Deleted 2 records.').waitFor()
    await expect.poll(() => found(page).count()).toBe(1)
    // The opened one is deleted: its details go, and so does its id in the address.
    expect(await page.locator('.details').count()).toBe(0)
    await expectState(page, { view: 'all', client: 'many' })
    expect((await sessions.list({ userId: 'u-many', active: false })).sessions).toHaveLength(1)
  })

  it('is used by keyboard alone', async () => {
    const page = await console('&client=billing-worker')
    await expect.poll(() => found(page).count()).toBe(3)
    const focused = () => page.evaluate('document.activeElement.className')
    await page.keyboard.press('/')
    await page.getByLabel('Select all that are shown').focus()
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('found-box')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Space')
    await page.getByText('1 selected').waitFor()
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('found-button')
    await page.keyboard.press('End')
    await page.keyboard.press('Enter')
    expect(await found(page).nth(2).getAttribute('aria-expanded')).toBe('true')
    await page.keyboard.press('Escape')
    expect(await found(page).nth(2).getAttribute('aria-expanded')).toBe('false')
    expect(
      await found(page)
        .nth(2)
        .evaluate((button) => button.matches(':focus')),
    ).toBe(true)
  })

  const go = (page: Page, fragment: string) =>
    page.evaluate(`location.hash = ${JSON.stringify(fragment)}`)
  const answerSearch = (page: Page, status: number, json: object) =>
    page.route('**/operator/search', (route) => route.fulfill({ status, json }))
  const leaveDialog = (page: Page) => page.keyboard.press('Escape')

  /** Every state of the console, each reached from the one before. */
  const STATES: readonly (readonly [name: string, reach: (page: Page) => Promise<unknown>])[] = [
    ['part of a list', (page) => page.getByText('Search all', { exact: true }).waitFor()],
    [
      'no match in the list',
      async (page) => {
        await page.getByRole('searchbox').fill('needle')
        await page.getByText('they were not searched').waitFor()
      },
    ],
    [
      'sign-in in a dialog, refused',
      async (page) => {
        await page.getByRole('button', { name: 'Operate…' }).click()
        await page.getByLabel('Admin token').fill('another')
        await page.keyboard.press('Enter')
        await page.getByText('This is not the admin token').waitFor()
      },
    ],
    [
      'sign-in on the page',
      async (page) => {
        await leaveDialog(page)
        await go(page, '#view=all')
        await page.getByRole('heading', { name: 'All sessions are for operators' }).waitFor()
      },
    ],
    [
      'all sessions',
      async (page) => {
        await signIn(page)
        await row(page, 'Ada Lovelace').waitFor()
      },
    ],
    [
      'some selected',
      async (page) => {
        await page.locator('.found-box').nth(0).check()
        await page.locator('.found-box').nth(6).check()
        await page.getByText('2 selected').waitFor()
      },
    ],
    [
      'asked to close several',
      async (page) => {
        await page.getByRole('button', { name: 'Close…' }).click()
        await page
          .getByText('2 open sessions will end.')
          .or(page.getByText('had ended'))
          .first()
          .waitFor()
      },
    ],
    [
      'details',
      async (page) => {
        await leaveDialog(page)
        await row(page, 'Ada Lovelace').click()
        await page.getByText('Morning practice').waitFor()
      },
    ],
    [
      'asked to close one',
      async (page) => {
        await page.getByRole('button', { name: 'Close session…' }).click()
        await page.getByText('1 open session will end.').waitFor()
      },
    ],
    [
      'asked to close all of a user',
      async (page) => {
        await leaveDialog(page)
        await page.getByRole('button', { name: 'Close all of this user…' }).click()
        await page.getByText('1 session', { exact: true }).waitFor()
      },
    ],
    [
      'asked to delete',
      async (page) => {
        await leaveDialog(page)
        await page.locator('.details').getByRole('button', { name: 'Delete…' }).click()
        await page.getByText('It is open and will end.').waitFor()
      },
    ],
    [
      'exact filters',
      async (page) => {
        await leaveDialog(page)
        await page.getByRole('button', { name: 'Find all with this address' }).click()
        await row(page, 'Zoë').waitFor()
      },
    ],
    [
      'details of an ended token session, of a link',
      async (page) => {
        await go(page, `#view=all&q=haystack&session=${endless}`)
        await page.getByText('its lifetime has no end').waitFor()
      },
    ],
    [
      'a search that stopped',
      async (page) => {
        await go(page, '#view=all&q=haystack')
        await page.getByRole('button', { name: 'Look further' }).waitFor()
      },
    ],
    [
      'nothing found',
      async (page) => {
        await go(page, '#view=all&user=nobody')
        await page.getByRole('heading', { name: 'No session matches' }).waitFor()
      },
    ],
    [
      'no such session',
      async (page) => {
        await go(page, '#view=all&session=nobody')
        await page.getByText('The server has no session').waitFor()
        await page.getByRole('button', { name: 'Refresh' }).waitFor()
      },
    ],
    [
      'a failed search',
      async (page) => {
        await answerSearch(page, 503, { code: 'UNAVAILABLE', message: 'the store is away' })
        await page.getByRole('button', { name: 'Refresh' }).click()
        await page.getByText('the store is away').waitFor()
      },
    ],
    [
      'a row of the live list',
      async (page) => {
        await page.getByRole('link', { name: 'Live list' }).click()
        await page.locator('.row-button').first().click()
        await page.getByRole('button', { name: /^Close all of/ }).waitFor()
      },
    ],
  ]

  it('is readable to everyone in every state, in light, in dark and on a phone', async () => {
    const page = await open('', { bypassCSP: true, reducedMotion: 'reduce' })
    const show = async (width: number, height: number) => {
      await page.setViewportSize({ width, height })
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    }
    for (const [name, reach] of STATES) {
      await reach(page)
      const picture = (look: string) =>
        WANTS_PICTURES && screenshot(page, `console-${name.replaceAll(/[ ,]+/g, '-')}-${look}`)
      await picture('light')
      expect(await findings(page), name).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      await picture('dark')
      expect(await findings(page, ['color-contrast']), `${name}, dark`).toEqual([])
      await show(390, 844)
      await picture('phone')
      await show(320, 640)
      await picture('narrow')
      expect(await findings(page), `${name}, narrow`).toEqual([])
      await page.emulateMedia({ colorScheme: 'light' })
      await show(1200, 850)
    }
  })

  /** Holds the calls of an action. Each `release` lets the one go that waits longest. */
  async function held(page: Page, action: string) {
    const waiting: (() => void)[] = []
    const isTrial = (route: Route) => route.request().postDataJSON().dry_run === true
    await page.route(`**/operator/${action}`, async (route) => {
      if (!isTrial(route)) {
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
      await route.continue()
    })
    return {
      release: () => waiting.shift()?.(),
      expectOne: () => expect.poll(() => waiting.length).toBe(1),
    }
  }

  it.each([
    [1, 'ahead of'],
    [-1, 'behind'],
  ])(
    'tells times by the server’s clock, and that the browser’s is a day off: %i',
    async (days, where) => {
      const page = await console('&client=billing-worker')
      await page.clock.setFixedTime(Date.now() + days * 25 * 3_600_000)
      await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
      await page.getByText(`This device’s clock is 1 d ${where} the server’s`).waitFor()
      await expect
        .poll(() => found(page).first().textContent())
        .toMatch(/(?:just now|min ago)opened (?:just now|\d+ min ago).*ends in 23 h$/)
    },
  )

  it('shows how far it is with more than one call ends, and stops where it is told to', async () => {
    const some = Array.from({ length: 250 }, (_, i) => `192.0.2.${i}`)
    await Promise.all(
      some.map((address) => sessions.open({ userId: 'u-legion', address, client: 'legion' })),
    )
    const page = await console('&client=legion')
    const dialog = page.getByRole('dialog')
    const stop = dialog.getByRole('button', { name: 'Stop', exact: true })
    for (let shown = 50; shown < some.length; shown += 50) {
      await page.getByText(`The first ${shown}`).waitFor()
      await page.getByRole('button', { name: 'Show more' }).click()
    }
    await page.getByText('The first 250').waitFor()

    const closing = await held(page, 'close')
    await page.getByLabel('Select all that are shown').check()
    await page.getByRole('button', { name: 'Close…' }).click()
    await dialog.getByText('250 open sessions will end.').waitFor()
    await dialog.getByRole('button', { name: 'Close 250 sessions' }).click()
    await closing.expectOne()
    closing.release()
    await dialog.getByText('100 of 250').waitFor()
    await closing.expectOne()
    await stop.click()
    closing.release()
    await page.getByText('Closed 200 sessions. Stopped: 50 sessions left as they were.').waitFor()
    expect((await sessions.list({ userId: 'u-legion', active: true })).sessions).toHaveLength(50)

    const more = Array.from({ length: 200 }, (_, i) => `198.51.100.${i}`)
    await Promise.all(
      more.map((address) => sessions.open({ userId: 'u-legion', address, client: 'legion' })),
    )
    const ofUser = await held(page, 'close-user')
    await found(page).first().click()
    await page.getByRole('button', { name: 'Close all of this user…' }).click()
    await dialog.getByText('250 sessions').waitFor()
    await dialog.getByRole('button', { name: 'Close all' }).click()
    await ofUser.expectOne()
    await dialog.getByText('0 of 250').waitFor()
    await stop.click()
    ofUser.release()
    await page.getByText('Closed 200 sessions of u-legion. Stopped: the others are open.').waitFor()
    expect((await sessions.list({ userId: 'u-legion', active: true })).sessions).toHaveLength(50)
  })
})
