import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { CHROMIUM, findings, launchChromium, openPage, screenshot } from '../support/browser.js'
import { added, type PageServer, type SentUser, startPageServer } from '../support/page-server.js'
import { haveTool } from '../support/tools.js'

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

const people: readonly SentUser[] = [
  { id: 'u-ada', name: 'Ada Lovelace', isPatron: true, isMentor: true },
  { id: 'u-zoe', name: 'Zoë Ångström', isPatron: true },
  { id: 'u-mar', name: 'مريم الفاسي', isMentor: true },
  { id: 'u-fox', name: '🦊 Fenn' },
  { id: 'u-gra', name: 'Grace Hopper' },
  { id: 'u-ivo', name: 'Ivo' },
]

const few = [
  ['Morning practice', 0.2],
  ['Open studio', 4],
  ['Improvisation night', 12],
  ['قاعة البروفة', 31],
  ['🎹 Four hands', 58],
  ['Chess & tea', 130],
  ['A session of which the name goes on, since no one could stop typing it out to its end', 200],
  ['', 1_700],
].map(([name, minutes], i) => {
  const users = people.map((_, u) => people[(u + i) % people.length] as SentUser)
  return added(`s-${i}`, String(name), minutesAgo(Number(minutes)), users.slice(i % 5))
})

describe.skipIf(!haveTool('chromium', [CHROMIUM, '--version']))('the page', () => {
  let browser: Browser
  let server: PageServer

  beforeAll(async () => {
    browser = await launchChromium()
    server = await startPageServer()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })
  beforeEach(() => {
    Object.assign(server, { snapshot: few, expectedVersion: '0.0.1', listening: true })
    Object.assign(server, { openSessions: null, maxListed: 10_000 })
  })

  /** Opens the page; the test fails where the browser complains of anything. */
  async function open(options: Parameters<typeof openPage>[2] & { allowed?: RegExp } = {}) {
    const { allowed, ...context } = options
    const { page, complaints } = await openPage(browser, server.url, context)
    onTestFinished(async () => {
      await page.context().close()
      expect(complaints.filter((text) => !allowed?.test(text))).toEqual([])
    })
    return page
  }

  const rows = (page: Page) => page.locator('.row-button')
  const focusedRow = (page: Page) => page.locator('.row-button:focus')

  it.each(['light', 'dark'] as const)('is a page to look at, %s', async (colorScheme) => {
    const page = await open({ colorScheme, viewport: { width: 1100, height: 900 } })
    await expect.poll(() => rows(page).count()).toBe(few.length)
    await rows(page).nth(1).click()
    await page.getByRole('list', { name: 'Users' }).waitFor()
    await page.mouse.move(0, 0)
    await screenshot(page, `page-${colorScheme}`)
    expect(await findingsWithoutPolicy(colorScheme, { width: 1100, height: 900 })).toEqual([])
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    expect(background).toBe(colorScheme === 'light' ? 'rgb(244, 245, 248)' : 'rgb(14, 16, 21)')
  })

  /** axe is a script of its own, which the page's policy rightly refuses. */
  async function findingsWithoutPolicy(
    colorScheme: 'light' | 'dark',
    viewport: { width: number; height: number },
  ) {
    const { page } = await openPage(browser, server.url, {
      ...{ bypassCSP: true, colorScheme, viewport, reducedMotion: 'reduce' },
    })
    onTestFinished(() => page.context().close())
    await rows(page).nth(1).click()
    await page.getByRole('list', { name: 'Users' }).waitFor()
    return findings(page)
  }

  it('fits a phone', async () => {
    const viewport = { width: 360, height: 740 }
    const page = await open({ viewport, isMobile: true, hasTouch: true })
    await rows(page).first().tap()
    await page.getByRole('list', { name: 'Users' }).waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    await screenshot(page, 'phone')
    expect(await findingsWithoutPolicy('dark', viewport)).toEqual([])
  })

  it('fits the narrowest window with large numbers', async () => {
    server.snapshot = few.map((message) => message.with(2, '120000').with(3, '240000'))
    const page = await open({ viewport: { width: 320, height: 640 } })
    await expect.poll(() => rows(page).count()).toBeGreaterThan(0)
    expect(await page.locator('.totals').textContent()).toMatch('960,000')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    await screenshot(page, 'narrowest')
  })

  it('finds, sorts and counts', async () => {
    const page = await open()
    await expect.poll(() => rows(page).count()).toBe(few.length)
    expect(await page.locator('.totals').textContent()).toMatch(/^Open sessions8Users/)
    await page.getByRole('searchbox', { name: 'Search sessions' }).fill('four HANDS')
    await expect.poll(() => rows(page).allTextContents()).toEqual([expect.stringMatching(/🎹/)])
    await page.getByText('1 of 8').waitFor()
    await page.getByRole('searchbox').fill('no such thing')
    await page.getByRole('heading', { name: 'No match among the listed sessions' }).waitFor()
    await screenshot(page, 'no-match')
    await page.getByRole('button', { name: 'Clear the search' }).click()
    expect(await page.evaluate('document.activeElement.type')).toBe('search')
    await page.getByRole('combobox').selectOption('Oldest first')
    await expect.poll(() => rows(page).first().textContent()).toMatch('Unnamed')
  })

  it('is used by keyboard alone', async () => {
    const page = await open()
    await rows(page).first().waitFor()
    await page.keyboard.press('/')
    expect(await page.getByRole('searchbox').evaluate((box) => box.matches(':focus'))).toBe(true)
    await page.keyboard.type('zoë')
    await page.keyboard.press('Escape')
    expect(await page.getByRole('searchbox').inputValue()).toBe('')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await focusedRow(page).textContent()).toMatch('Morning practice')
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => focusedRow(page).textContent()).toMatch('Open studio')
    await page.keyboard.press('Enter')
    expect(await focusedRow(page).getAttribute('aria-expanded')).toBe('true')
    expect(await page.getByRole('list', { name: 'Users' }).textContent()).toMatch('مريم الفاسي')
    await screenshot(page, 'keyboard')
    await page.keyboard.press('Escape')
    expect(await focusedRow(page).getAttribute('aria-expanded')).toBe('false')
    await page.keyboard.press('End')
    await expect.poll(() => focusedRow(page).textContent()).toMatch('Unnamed')
    await page.keyboard.press('Home')
    await expect.poll(() => focusedRow(page).textContent()).toMatch('Morning practice')

    // Rows come above it, then its own goes: the focus stays, first on the session, then its place.
    server.send(...added('s-new', 'Newcomer', minutesAgo(0), people))
    await expect.poll(() => rows(page).first().textContent()).toMatch('Newcomer')
    expect(await focusedRow(page).textContent()).toMatch('Morning practice')
    server.send('remove', 's-0')
    await expect.poll(() => focusedRow(page).textContent()).toMatch('Open studio')
  })

  it('shows names as text, whatever is in them', async () => {
    const hostile = [
      '<script>document.title = "taken"</script>',
      '<img src=x onerror="document.title = `taken`">',
      '"><svg onload=alert(1)>',
      '{{constructor.constructor("alert(1)")()}}',
      '&lt;b&gt; &amp;',
      '‮reversed',
      '🏳️‍🌈👩🏽‍🚀',
      'שלום עולם',
      'javascript:alert(1)',
    ]
    server.snapshot = hostile.map((name, i) =>
      added(`h-${i}`, name, minutesAgo(i), [{ id: name, name }]),
    )
    const page = await open()
    const names = page.locator('.name')
    // What turns text around is written out: no name may look like another.
    const shown = hostile.map((name) => name.replace('\u202e', '\\u{202e}'))
    await expect.poll(() => names.allTextContents()).toEqual(shown)
    expect(await page.locator('.host-name').allTextContents()).toEqual(shown)
    await rows(page).nth(1).click()
    expect(await page.locator('.user-name').allTextContents()).toEqual([hostile[1]])
    server.send('error', hostile[1] as string)
    await page.getByText('The server says').waitFor()
    expect(await page.title()).toBe('Sessions')
    expect(await page.locator('#page script, #page img').count()).toBe(0)
    await screenshot(page, 'hostile-names')
  })

  it('says of no list that it is empty before it knows', async () => {
    server.snapshot = []
    server.openSessions = 3
    const page = await open()
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByText('Loading the sessions…').waitFor()
    expect(await page.getByRole('heading', { name: 'No one is on' }).count()).toBe(0)
    expect(await page.getByText('Open sessions').count()).toBe(0)
    server.openSessions = 0
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.getByRole('heading', { name: 'No one is on' }).waitFor()
    server.send(...added('s-first', 'First of all', minutesAgo(0), [{ id: 'u', name: 'Uma' }]))
    await expect.poll(() => rows(page).count()).toBe(1)
  })

  it('says that it is out of date, and what the server complains of', async () => {
    server.expectedVersion = '99.0.0'
    const page = await open()
    await page.getByText('the server expects 99.0.0').waitFor()
    server.send('error', 'only the newest 10000 sessions are listed')
    await page.getByText('only the newest 10000').waitFor()
    await screenshot(page, 'notices')
    await page.getByRole('button', { name: 'Dismiss' }).click()
    await page.getByText('only the newest 10000').waitFor({ state: 'detached' })
  })

  it('keeps the list while it is cut off, and has the new one when it is back', async () => {
    const page = await open({ allowed: /WebSocket connection|Failed to load/ })
    await expect.poll(() => rows(page).count()).toBe(few.length)
    Object.assign(server, { listening: false, snapshot: few.slice(1, 3) })
    server.drop()
    await page.getByText('Not connected.').waitFor()
    await expect.poll(() => page.locator('.badge').textContent()).toMatch(/^Reconnecting in \d+ s$/)
    expect(await rows(page).count()).toBe(few.length)
    await screenshot(page, 'cut-off')
    server.listening = true
    await expect.poll(() => rows(page).count()).toBe(2)
    expect(await page.locator('.badge').textContent()).toBe('Live')
  })

  it('says that no one is on, and that the server does not answer', async () => {
    server.snapshot = []
    const empty = await open()
    await empty.getByRole('heading', { name: 'No one is on' }).waitFor()
    await screenshot(empty, 'empty')
    server.listening = false
    const unanswered = await open({ allowed: /WebSocket connection|Failed to load/ })
    await unanswered.getByRole('alert').getByText('The server does not answer').waitFor()
    await screenshot(unanswered, 'unanswered')
  })

  it('holds 10,000 rows while they change', async () => {
    server.snapshot = Array.from({ length: 10_000 }, (_, i) =>
      added(`m-${i}`, `Session ${i}`, minutesAgo(i / 10), people.slice(i % 6)),
    )
    const page = await open({ viewport: { width: 1100, height: 900 } })
    await page.getByText('10,000 sessions').waitFor()
    expect(await rows(page).count()).toBeLessThan(40)
    await rows(page).first().focus()

    // The keyboard goes on from where it was, however far the window was scrolled away.
    await page.evaluate('scrollTo(0, 300_000)')
    await page.getByText('Session 4410', { exact: true }).waitFor()
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => focusedRow(page).textContent()).toMatch('Session 1Z')
    await page.keyboard.press('End')
    await expect.poll(() => focusedRow(page).textContent()).toMatch('Session 9999')
    await screenshot(page, 'ten-thousand')

    // Someone reading in the middle is not moved by what comes above.
    await page.evaluate('scrollTo(0, 300_000)')
    const reading = page.getByText('Session 4410', { exact: true })
    await reading.waitFor()
    const before = await reading.boundingBox()
    for (let i = 0; i < 500; i++) {
      server.send(...added(`n-${i}`, `Newcomer ${i}`, minutesAgo(0), people))
      server.send('update', `m-${i}`, `Session ${i}`, '1', '9')
    }
    await page.getByText('10,500 sessions').waitFor()
    expect(await reading.boundingBox()).toEqual(before)

    // The search answers while hundreds of changes a second come in.
    const changing = setInterval(() => {
      for (let i = 0; i < 10; i++) {
        server.send('update', `m-${i}`, `Session ${i}`, String(i), '9')
      }
    }, 20)
    onTestFinished(() => clearInterval(changing))
    await page.getByRole('searchbox').fill('session 77')
    await expect.poll(() => rows(page).first().textContent()).toMatch('Session 77')
    await page.getByRole('combobox').selectOption('Name')
    await expect.poll(() => rows(page).nth(1).textContent()).toMatch('Session 177')
  })
})
