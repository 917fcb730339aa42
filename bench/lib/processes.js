import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

/**
 * Calls `fn` with a new directory and a function that starts servers like `startServer`. Afterwards it stops the servers
 * that still run and removes the directory, which may take gigabytes. It does so too if the bench is interrupted, or
 * fails in something that nobody waits for yet.
 */
export async function withServers(fn) {
  // Not in the system's temporary directory, which may be memory: there a sync costs nothing.
  const cache = join(import.meta.dirname, '../../.cache/')
  await mkdir(cache, { recursive: true })
  const directory = await mkdtemp(`${cache}bench-`)
  const servers = []
  const start = async (script, args) => {
    const server = await startServer(script, args)
    servers.push(server)
    return server
  }
  const cleanUp = () => {
    for (const server of servers) {
      server.kill()
    }
    // Jobs that write there end by the signal of the terminal too, meanwhile.
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
  }
  // It dies of the signal, so that a shell does not go on with the next bench.
  const end = (signal) => {
    cleanUp()
    process.kill(process.pid, signal)
  }
  process.once('exit', cleanUp).once('SIGINT', end).once('SIGTERM', end)
  try {
    return await fn(directory, start)
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    process.off('exit', cleanUp).off('SIGINT', end).off('SIGTERM', end)
    cleanUp()
  }
}

/** Starts a Node program and waits for its ready line, which names the addresses that it serves. */
async function startServer(script, args) {
  const startMs = performance.now()
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const ready = new Promise((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line.includes('"event":"ready"')) {
        resolve(JSON.parse(line))
      }
    })
  })
  const ended = exited.then(([code]) => {
    throw new Error(`${script} ended with ${code} before it was ready`)
  })
  const { grpc, seneca, http } = await Promise.race([ready, ended])
  const readyMs = performance.now() - startMs
  ended.catch(() => {})
  return {
    pid: child.pid,
    /** Milliseconds from start to ready. */
    readyMs,
    ports: { grpc: portOf(grpc), seneca: portOf(seneca?.[0]), http: portOf(http) },
    kill() {
      child.kill('SIGKILL')
    },
    async stop() {
      child.kill()
      await exited
    },
  }
}

/**
 * Runs a Node program that takes one JSON argument and prints one JSON result. Where `signal` is aborted it gets a
 * SIGTERM, at which it may end earlier.
 */
export async function runJob(script, job, signal) {
  const child = spawn(process.execPath, [script, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  signal?.addEventListener('abort', () => child.kill())
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) {
    throw new Error(`${script} failed`)
  }
  return JSON.parse(output)
}

function portOf(address) {
  return address && Number(address.slice(address.lastIndexOf(':') + 1))
}
