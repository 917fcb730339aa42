import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export const CHROMIUM = '/usr/bin/chromium'
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

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

/**
 * Serious and critical findings of axe, by rule and element. axe is a script of its own, which the page's policy rightly
 * refuses: the page must have been opened with `bypassCSP`. `rules`: all, or these alone.
 */
export async function findings(page: Page, rules?: readonly string[]): Promise<string[]> {
  if (!(await page.evaluate("typeof axe === 'object'"))) {
    await page.addScriptTag({ path: AXE })
  }
  return page.evaluate(async (values) => {
    const options = { resultTypes: ['violations'], ...(values && { runOnly: values }) }
    // biome-ignore lint/suspicious/noExplicitAny: put into the page by axe
    const { violations } = await (globalThis as any).axe.run(options)
    const found: string[] = []
    for (const { id, impact, nodes } of violations) {
      if (impact === 'serious' || impact === 'critical') {
        found.push(...nodes.map((node: { target: string[] }) => `${id} ${node.target}`))
      }
    }
    return found
  }, rules)
}
