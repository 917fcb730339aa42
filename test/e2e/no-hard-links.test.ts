import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fillStore } from '../support/care.js'
import { CLI, run, sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'

/** Runs a program on a file system that says this of these system calls. */
const failing = (calls: string, error: string) => [
  ...['strace', '-D', '-f', '--seccomp-bpf', '-o', '/dev/null', '-e', 'signal=none'],
  ...['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`],
]
const withoutLinks = (error: string) => failing('link,linkat', error)

describe.runIf(haveTool('strace', ['strace', '--version']))('without hard links', () => {
  it.each(['EOPNOTSUPP', 'EMLINK', 'ENOSYS'])(
    'a key is made, whole and for its owner alone, and none is ever replaced (%s)',
    async (error) => {
      const directory = await temporaryDirectory(onTestFinished)
      const file = join(directory, 'owner.key')
      const keygen = () => {
        const [program = '', ...args] = withoutLinks(error)
        return run(program, [...args, process.execPath, CLI, 'keygen', '--out', file])
      }
      expect(await keygen()).toMatchObject({ code: 0, stderr: '' })
      const key = await readFile(file, 'utf8')
      expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect(await keygen()).toMatchObject({
        code: 4,
        stderr: expect.stringMatching(/already exists/),
      })
      expect(await readFile(file, 'utf8')).toBe(key)
      expect(await readdir(directory)).toEqual(['owner.key'])
    },
  )

  it('a server starts, changes its identity, is backed up, restored and repaired', async () => {
    const root = await temporaryDirectory(onTestFinished)
    const dataDir = join(root, 'data')
    const wrapper = withoutLinks('EPERM')
    const server = await startServer({ dataDir, wrapper })
    onTestFinished(() => server.stop().then(() => {}))
    const traced = (...args: string[]) => {
      const [program = '', ...rest] = wrapper
      return run(program, [...rest, process.execPath, CLI, ...args])
    }
    const at = ['--server', server.ready.grpc]
    const before = (await sessiond(['identity', '--data-dir', dataDir])).stdout
    expect(await sessiond(['rotate-keys', '--identity', 'announce', ...at])).toMatchObject({
      code: 0,
    })
    expect(await sessiond(['rotate-keys', '--identity', 'activate', ...at])).toMatchObject({
      code: 0,
    })
    const kept = join(dataDir, `identity-previous-${before.slice(0, 16)}.pem`)
    expect((await sessiond(['identity', '--identity-key', kept])).stdout).toBe(before)
    expect((await sessiond(['identity', '--data-dir', dataDir])).stdout).not.toBe(before)

    const backup = join(root, 'backup')
    expect(await traced('backup', backup, ...at)).toMatchObject({ code: 0 })
    expect((await readFile(backup)).length).toBeGreaterThan(0)
    expect(await server.stop()).toMatchObject({ code: 0, signal: null })
    expect(await traced('repair', '--data-dir', dataDir)).toMatchObject({ code: 0 })
    expect(await sessiond(['check', '--data-dir', dataDir])).toMatchObject({ code: 0 })
    const restored = ['--data-dir', join(root, 'restored')]
    restored.push('--sealing-keys', join(dataDir, 'sealing-keys.json'))
    expect(await traced('restore', backup, ...restored)).toMatchObject({ code: 0 })
    expect(await sessiond(['check', ...restored])).toMatchObject({ code: 0 })
  })

  it.each(['EPERM', 'EOPNOTSUPP', 'ENOSYS'])(
    'a store is repaired beside which no symbolic link can be made (%s)',
    async (error) => {
      const dataDir = await temporaryDirectory(onTestFinished)
      await fillStore(join(dataDir, 'store'))
      // One thread makes all links, and its first fails.
      const env = { ...process.env, UV_THREADPOOL_SIZE: '1', TMPDIR: join(dataDir, 'temporary') }
      await mkdir(env.TMPDIR)
      const [program = '', ...args] = failing('symlink,symlinkat', `${error}:when=1`)
      const repair = [process.execPath, CLI, 'repair', '--data-dir', dataDir]
      expect(await run(program, [...args, ...repair], { env })).toMatchObject({ code: 0 })
      expect(await readdir(env.TMPDIR)).toEqual([])
      const [program2 = '', ...always] = failing('symlink,symlinkat', error)
      expect(await run(program2, [...always, ...repair], { env })).toMatchObject({
        ...{ code: 1, stderr: expect.stringMatching(/cannot be kept from servers/) },
      })
      expect(await readdir(dataDir)).toHaveLength(3)
    },
  )
})
