import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { CLI, run, spawnServer, startServer, temporaryDirectory } from '../support/process.js'
import { suiteEnd } from '../support/suite-end.js'
import { haveTool } from '../support/tools.js'

/** Runs a program for which the system answers with this error where a file is concerned. */
const failing = (call: string, file: string, error: string) => [
  ...['strace', '-D', '-f', '--seccomp-bpf', '-qq', '-o', '/dev/null', '-e', 'signal=none'],
  ...['-P', file, '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`],
]

describe.runIf(haveTool('strace', ['strace', '--version']))('what the system refuses', () => {
  let dataDir: string
  let store: string
  const atEnd = suiteEnd()
  beforeAll(async () => {
    dataDir = join(await temporaryDirectory(atEnd), 'data')
    store = join(dataDir, 'store')
    // At each start LevelDB brings its log into a table.
    for (let i = 0; i < 2; i++) {
      const server = await startServer({ dataDir })
      await server.stop()
    }
  })

  it.each([
    ['ENOLCK', 'No locks available'],
    ['EACCES', 'Permission denied'],
    ['ENOSYS', 'Function not implemented'],
    ['EOPNOTSUPP', 'Operation not supported'],
    ['EROFS', 'Read-only file system'],
  ])('of the lock is said as it is, and not waited for (%s)', async (error, problem) => {
    const server = spawnServer({
      dataDir,
      args: ['--wait-for-lock'],
      wrapper: failing('fcntl', join(store, 'LOCK'), error),
    })
    expect(await server.exited).toMatchObject({
      ...{ code: 1, signal: null },
      stderr: expect.stringContaining(
        `store does not open: IO error: lock ${store}/LOCK: ${problem}`,
      ),
    })
  })

  it('of the lock is that another process has it for EAGAIN alone', async () => {
    const wrapper = failing('fcntl', join(store, 'LOCK'), 'EAGAIN')
    const server = spawnServer({ dataDir, wrapper })
    expect(await server.exited).toMatchObject({
      ...{ code: 3, signal: null },
      stderr: expect.stringContaining('is in use by another process'),
    })
  })

  it.each([
    ['EACCES', 'EACCES: permission denied'],
    ['EIO', 'EIO: i/o error'],
  ])('of a table is said with its name (%s)', async (error, problem) => {
    const table = (await readdir(store)).find((name) => name.endsWith('.ldb')) ?? ''
    const [program = '', ...args] = failing('openat', join(store, table), error)
    const command = [process.execPath, CLI, 'check', '--data-dir', dataDir]
    expect(await run(program, [...args, ...command])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${table}: ${problem}`),
    })
    const server = spawnServer({ dataDir, wrapper: [program, ...args] })
    expect(await server.exited).toMatchObject({
      ...{ code: 1, signal: null },
      stderr: expect.stringContaining(`${table}: ${problem}`),
    })
  })
})
