import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { expect, it, onTestFinished } from 'vitest'
import { CHROMIUM, launchChromium, openPage } from '../support/browser.js'
import { freeAddress } from '../support/free-port.mjs'
import { ENVIRONMENT, run, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** How long the README says that its first session takes. It only ends what hangs; the usual walk takes seconds. */
const THREE_MINUTES_MS = 180_000
const haveChromium = haveTool('chromium', [CHROMIUM, '--version'])

interface Step {
  readonly command: string
  readonly shown: string
}

/** What the README types and sees, in its order: the lines after `$ `, each with what stands below it. */
async function stepsOfReadme(): Promise<readonly Step[]> {
  const text = await readFile(join(ROOT, 'README.md'), 'utf8')
  const transcripts = [...text.matchAll(/^```console\n([\s\S]*?)^```/gm)].map(([, all = '']) => all)
  return transcripts
    .flatMap((transcript) => transcript.split(/^\$ /m).slice(1))
    .map((step) => {
      const [command = '', ...lines] = step.split('\n')
      return { command, shown: lines.join('\n').trim() }
    })
}

/** Other ports than the README's, for the test is not alone on its machine. */
async function otherAddresses() {
  const [grpc, seneca, http] = await Promise.all([freeAddress(), freeAddress(), freeAddress()])
  const pairs = [
    ['127.0.0.1:8090', grpc],
    ['127.0.0.1:8807', seneca],
    ['127.0.0.1:8808', http],
  ] as const
  return {
    http,
    env: {
      ...{ SESSIOND_GRPC: grpc, SESSIOND_SERVER: grpc, SESSIOND_HTTP: http },
      ...{ SESSIOND_SENECA: `tcp://${seneca}`, SESSIOND_LOG_FORMAT: 'text' },
      // Where it is by default; named, so that `identity` reads the file there as it would without SESSIOND_SERVER.
      SESSIOND_DATA_DIR: './data',
    },
    put: (text: string) => pairs.reduce((all, [ours, other]) => all.replaceAll(ours, other), text),
    back: (text: string) => pairs.reduce((all, [ours, other]) => all.replaceAll(other, ours), text),
  }
}

/** Starts a program that `onTestFinished` ends. `until` waits for what it shows, and returns all since the last wait. */
function start(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
  const child = spawn(command, args, { cwd, env: { ...ENVIRONMENT, ...env } })
  const closed = once(child, 'close')
  onTestFinished(async () => {
    child.kill()
    await closed
  })
  let shown = ''
  let wake = () => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      shown += text
      wake()
    })
  }
  closed.then(() => wake())
  return {
    child,
    until: async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = pattern.exec(shown)
        if (found) {
          shown = shown.slice(found.index + found[0].length)
          return found
        }
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`${command} ended: ${shown}`)
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

/** What differs from one walk to the next has a name instead. */
const named = (text: string) =>
  text
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'KEY')
    .replaceAll(/\b[1-9A-HJ-NP-Za-km-z]{43,44}\b/g, 'OWNER')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b\d{10}\b/g, 'EPOCH')
    .replaceAll(/^sessiond \d+\.\d+\.\d+\S*/gm, 'sessiond VERSION')
    .replaceAll(/^(address +127\.0\.0\.1):\d+/gm, '$1:PORT')

/** A pattern for the shown text: `…` stands for anything. */
const patternOf = (shown: string) =>
  new RegExp(
    `^${named(shown)
      .split('…')
      .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      .join('[\\s\\S]*')}$`,
  )

/** Walks through the README in this directory. `make`: the arguments of its first command. */
async function walk(directory: string, make: readonly string[]) {
  const [serve, ...steps] = await stepsOfReadme()
  expect(serve?.command).toBe('make run')
  expect(steps.length).toBeGreaterThan(8)
  const { http, env, put, back } = await otherAddresses()
  const server = start('make', make, directory, env)
  const { 0: served } = await server.until(/[\s\S]*Control-C stops it\.\n/)
  expect(named(back(served))).toMatch(patternOf(serve?.shown ?? ''))

  const page = haveChromium ? await opened(`http://${http}`) : null
  const shell = start('bash', ['--norc', '--noprofile'], directory, env)
  shell.child.stdin.write('shopt -s expand_aliases\nexec 2>&1\n')
  for (const { command, shown } of steps) {
    shell.child.stdin.write(`${put(command)}\necho "<ended with $?>"\n`)
    const { 1: output = '', 2: code } = await shell.until(/([\s\S]*)<ended with (\d+)>/)
    expect(named(back(output)).trim(), command).toMatch(patternOf(shown))
    // What goes wrong in the README does so in order to show it.
    expect([command, code !== '0']).toEqual([command, shown.startsWith('sessiond: ')])
    if (page && /sessions (show|close)/.test(command)) {
      const owners = page.getByText(/[1-9A-HJ-NP-Za-km-z]{43,44}/)
      await expect.poll(() => owners.count()).toBe(command.includes('show') ? 1 : 0)
    }
  }
}

async function opened(url: string): Promise<Page> {
  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  return (await openPage(browser, url)).page
}

it('whoever types what the README says sees what it shows, and the session on the page', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  for (const name of ['Makefile', 'dist', 'node_modules', 'package.json']) {
    await symlink(join(ROOT, name), join(directory, name))
  }
  // Without the build, which is that of the tests.
  await walk(directory, ['-o', 'build', 'run'])
})

it.skipIf(process.env.SESSIOND_TEST_LONG !== '1')(
  'in a fresh clone that takes at most three minutes, installation and build among them',
  async () => {
    const directory = join(await temporaryDirectory(onTestFinished), 'sessiond')
    expect(await run('git', ['clone', '--quiet', ROOT, directory])).toMatchObject({ code: 0 })
    await walk(directory, ['run'])
  },
  THREE_MINUTES_MS,
)
