import { appendFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { run, spawnLogging, temporaryDirectory } from '../support/process.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A directory with these files of the sources, and no history. */
async function withSources(...names: string[]) {
  const directory = await temporaryDirectory(onTestFinished)
  for (const name of names) {
    await cp(join(ROOT, name), join(directory, name), { recursive: true })
  }
  return directory
}

it('sources without a history are checked for drift of generated/', async () => {
  const names = ['Makefile', 'package.json', 'package-lock.json', 'proto', 'generated']
  const cwd = await withSources(...names, 'buf.yaml', 'buf.gen.yaml')
  await symlink(join(ROOT, 'node_modules'), join(cwd, 'node_modules'))
  // Without the installation, which is that of the tests.
  const check = () =>
    run('make', ['-o', 'node_modules/.package-lock.json', 'check-generated'], { cwd })
  const clean = await check()
  expect(clean, clean.stderr).toMatchObject({ code: 0 })
  await appendFile(join(cwd, 'generated/fields.ts'), '\n')
  expect(await check()).toMatchObject({
    code: 2,
    stdout: expect.stringContaining('generated/ has drifted from proto/'),
  })
})

it.each(['variables', 'arguments'])('make run takes addresses from %s', async (kind) => {
  const dataDir = await temporaryDirectory(onTestFinished)
  const addresses = {
    SESSIOND_GRPC: '127.0.0.1:0',
    SESSIOND_HTTP: '127.0.0.1:0',
    SESSIOND_SENECA: 'off',
    SESSIOND_DATA_DIR: join(dataDir, 'data'),
  }
  const args = kind === 'arguments' ? Object.entries(addresses).map(([k, v]) => `${k}=${v}`) : []
  // Without the build, which is that of the tests.
  const server = spawnLogging(
    ['make', '--silent', '--directory', ROOT, '-o', 'build', 'run', ...args],
    kind === 'variables' ? addresses : {},
  )
  const ready = await server.event('ready')
  expect(ready).toMatchObject({ data_dir: addresses.SESSIOND_DATA_DIR })
  expect(ready.grpc).not.toBe('127.0.0.1:8090')
  await server.stop()
})

it('skipped suites are named at the end of a run, with what installs their tool', async () => {
  const script = 'test/support/name-skipped.mjs'
  const cwd = await withSources(script)
  expect(await run(process.execPath, [script], { cwd })).toMatchObject({ code: 0, stdout: '' })
  await mkdir(join(cwd, '.cache'))
  const noted = [
    'e2e/b.test.ts\tzsh',
    'e2e/a.test.ts\tseneca',
    'e2e/b.test.ts\tzsh',
    'e2e/c.test.ts\topenssl',
    'e2e/d.test.ts\tunshare',
  ]
  await writeFile(join(cwd, '.cache/skipped'), noted.map((line) => `test/${line}\n`).join(''))
  const { stdout } = await run(process.execPath, [script], { cwd })
  expect(stdout.trim().split('\n')).toEqual([
    'Skipped, because a tool is missing:',
    '  test/e2e/a.test.ts: seneca (`make interop-clients` installs it)',
    '  test/e2e/b.test.ts: zsh (`make interop-tools` installs it)',
    "  test/e2e/c.test.ts: openssl (your system's packages have it)",
    '  test/e2e/d.test.ts: unshare (needs Linux that lets you mount in a namespace of your own)',
  ])
})
