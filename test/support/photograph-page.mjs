// Photographs the page of a server with a few sessions, as viewers and as operators see it, for the README: `make pictures`
// runs it. Needs Chromium and a build.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { connect, createSession, generateKey, SessionsClient } from 'sessiond/client'

const pathOf = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/**
 * What the page shows beside a session that an owner's key opened. The last is the newest.
 * @type {[name: string, userId: string, userName: string, others: string[]][]}
 */
const OPENED = [
  ['Chess & tea', 'ivo', 'Ivo', ['Grace Hopper']],
  ['Four hands', 'zoe', 'Zoë Ångström', ['Ada Lovelace']],
  ['Morning practice', 'ada', 'Ada Lovelace', ['Grace Hopper', 'Ivo']],
]

/** @type {['light', 'dark']} */
const COLOR_SCHEMES = ['light', 'dark']

const TOKEN = 'the-admin-token-of-the-pictures'

const directory = mkdtempSync(join(tmpdir(), 'sessiond-'))
const tokenFile = join(directory, 'admin-token')
writeFileSync(tokenFile, TOKEN, { mode: 0o600 })
const addresses = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0', '--seneca', 'off']
const args = ['--data-dir', join(directory, 'data'), '--admin-token-file', tokenFile, ...addresses]
const server = spawn(process.execPath, [pathOf('dist/cli/main.js'), 'serve', ...args], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
try {
  const { grpc, http } = await ready(server.stdout)
  await openSessions(grpc)
  for (const colorScheme of COLOR_SCHEMES) {
    const viewport = { width: 960, height: 560 }
    const context = await browser.newContext({ colorScheme, viewport, reducedMotion: 'reduce' })
    const page = await context.newPage()
    await page.goto(http)
    for (const [name] of OPENED) {
      await page.getByText(name).first().waitFor()
    }
    await page.screenshot({ path: pathOf(`docs/pictures/page-${colorScheme}.png`) })
    await page.getByRole('button', { name: 'Operate…' }).click()
    await page.getByLabel('Admin token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByText('All sessions').click()
    await page.getByText('ended by').or(page.getByText('Closed')).first().waitFor()
    await page.setViewportSize({ ...viewport, height: 760 })
    await page.mouse.move(0, 0)
    await page.screenshot({ path: pathOf(`docs/pictures/operator-${colorScheme}.png`) })
  }
} finally {
  await browser.close()
  server.kill()
  rmSync(directory, { recursive: true, force: true })
}

async function ready(stdout) {
  for await (const line of createInterface(stdout)) {
    const read = JSON.parse(line)
    if (read.event === 'ready') {
      return read
    }
  }
  throw new Error('the server ended')
}

async function openSessions(address) {
  const connection = connect(address, { serverKeys: 'any', adminToken: TOKEN })
  const sessions = new SessionsClient(connection)
  await createSession(connection, { ownerKey: generateKey('ed25519'), lifetimeMs: 3_600_000 })
  for (const [name, userId, userName, others] of OPENED) {
    const users = [{ user_id: userId, username: userName }]
    users.push(...others.map((username, i) => ({ user_id: `${userId}-${i}`, username })))
    const { id } = await sessions.open({ userId, userName, address: 'studio', client: 'app' })
    await sessions.storeData(id, { session_name: name, users })
  }
  const { id } = await sessions.open({
    userId: 'eve',
    userName: 'Eve',
    address: 'studio',
    client: 'app',
  })
  await sessions.close(id)
  connection.close()
}
