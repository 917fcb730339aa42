import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  describeEngines,
  haveValkey,
  startValkeyCluster,
  until,
} from '../support/valkey-cluster.js'

const TRY = fileURLToPath(new URL('../support/try-cluster.mjs', import.meta.url))

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Starts `make cluster`, and returns what it printed of its place and its processes. */
async function tryCluster() {
  const child = spawn(process.execPath, [TRY], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (line.startsWith('Ctrl-C')) {
      break
    }
  }
  const text = lines.join('\n')
  const directory = /In (\/\S+):/.exec(text)?.[1] ?? ''
  const pids = [...text.matchAll(/ {2}pid (\d+)/g)].map(([, pid]) => Number(pid))
  return { child, directory, pids }
}

describe.skipIf(!haveValkey())('make cluster', () => {
  it.each(['SIGINT', 'SIGKILL'] as const)('leaves nothing behind after %s', async (signal) => {
    const { child, directory, pids } = await tryCluster()
    // Six engines and two servers.
    expect(pids).toHaveLength(8)
    expect([existsSync(directory), ...pids.map(isRunning)]).not.toContain(false)
    child.kill(signal)
    await once(child, 'exit')
    await until('all is gone', async () => !existsSync(directory) && !pids.some(isRunning))
  })
})

describeEngines('a cluster of', ({ program }) => {
  it('survives the death of a master, and moves slots', async () => {
    const cluster = await startValkeyCluster(onTestFinished, { program })
    const dead = await cluster.masterOf(0)
    await dead.kill()
    await until('a replica is the master', async () => (await cluster.masterOf(0)) !== dead)
    await dead.start()
    await cluster.settled()
    const [from, to] = [await cluster.masterOf(0), await cluster.masterOf(16_383)]
    await from.call('SET', '1bz', 'x')
    await cluster.moveSlot(0, to)
    expect((await cluster.masterOf(0)).port).toBe(to.port)
    expect(await to.call('GET', '1bz')).toBe('x')
  })
})
