import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export const CHROMIUM = '/usr/bin/chromium'

/** Debian's Chromium, headless, speaking to no one but the page's server. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  })
}

export interface OpenedPage {
  readonly page: Page
  /** What the browser complained of: errors on the console, exceptions, violations of the policy. */
  readonly complaints: string[]
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') {
      complaints.push(message.text())
    }
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (violation) => {
    console.error('violation of ' + violation.violatedDirective + ': ' + violation.blockedURI)
  })`)
  await page.goto(url)
  return { page, complaints }
}

/** Keeps a picture of the page for a person to look at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const directory = fileURLToPath(new URL('../output', import.meta.url))
  await mkdir(directory, { recursive: true })
  await page.screenshot({ path: `${directory}/${name}.png` })
}
