import { existsSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { expect, it, onTestFinished } from 'vitest'
import { CHROMIUM, launchChromium, openPage } from '../support/browser.js'
import { run, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'
import { expectShown, otherAddresses, Terminal, transcriptsOf } from '../support/transcript.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** How long the README says that its first session takes. It only ends what hangs; the usual walk takes seconds. */
const THREE_MINUTES_MS = 180_000
/** The README asks over HTTP with it. */
const haveCurl = haveTool('curl', ['curl', '--version'])
const haveChromium = haveTool('chromium', [CHROMIUM, '--version'])

/** Walks through the README in this directory. `make`: how it runs the first command, which is `make run`. */
async function walk(directory: string, make: string) {
  const [first = [], ...others] = await transcriptsOf('README.md')
  const [serve] = first
  expect([first.length, serve?.command]).toEqual([1, 'make run'])
  const documented = { grpc: '127.0.0.1:8090', seneca: '127.0.0.1:8807', http: '127.0.0.1:8808' }
  const addresses = await otherAddresses(documented)
  const { grpc, seneca, http } = addresses.others
  const env = {
    ...{ SESSIOND_GRPC: grpc, SESSIOND_SERVER: grpc, SESSIOND_HTTP: http },
    ...{ SESSIOND_SENECA: `tcp://${seneca}`, SESSIOND_LOG_FORMAT: 'text' },
    // Where it is by default; named, so that `identity` reads the file there as it would without SESSIOND_SERVER.
    SESSIOND_DATA_DIR: './data',
  }
  const server = new Terminal(directory, env, addresses)
  const served = await server.start(make, /[\s\S]*Control-C stops it\.\n/)
  expectShown(served, serve ?? { command: '', shown: '' })

  const page = haveChromium ? await opened(`http://${http}`) : null
  const terminal = new Terminal(directory, env, addresses)
  const steps = others.flat()
  expect(steps.length).toBeGreaterThan(8)
  for (const step of steps) {
    await terminal.run(step)
    const [, act] = /sessiond (sessions show|sessions close|token revoke)/.exec(step.command) ?? []
    if (page && act) {
      const owners = page.getByText(/[1-9A-HJ-NP-Za-km-z]{43,44}/)
      await expect.poll(() => owners.count()).toBe(act === 'sessions show' ? 1 : 0)
    }
  }
}

async function opened(url: string): Promise<Page> {
  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  return (await openPage(browser, url)).page
}

it.skipIf(!haveCurl)(
  'whoever types what the README says sees what it shows, and the session on the page',
  async () => {
    const directory = await temporaryDirectory(onTestFinished)
    for (const name of ['Makefile', 'dist', 'node_modules', 'package.json']) {
      await symlink(join(ROOT, name), join(directory, name))
    }
    // Without the build, which is that of the tests.
    await walk(directory, 'make -o build run')
  },
)

// An archive of the sources has nothing to clone.
it.skipIf(!haveCurl || process.env.SESSIOND_TEST_LONG !== '1' || !existsSync(join(ROOT, '.git')))(
  'in a fresh clone that takes at most three minutes, installation and build among them',
  async () => {
    const directory = join(await temporaryDirectory(onTestFinished), 'sessiond')
    expect(await run('git', ['clone', '--quiet', ROOT, directory])).toMatchObject({ code: 0 })
    await walk(directory, 'make run')
  },
  THREE_MINUTES_MS,
)
