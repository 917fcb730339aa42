import { readdir, readFile, stat } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { watchSessions } from '../../src/client/watch.js'
import { connectActs } from '../support/acts.js'
import { createClient, createRequest } from '../support/create.js'
import { startMixedLoad } from '../support/mixed-load.js'
import { type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'

const OBSERVED = fileURLToPath(new URL('../support/observed-server.mjs', import.meta.url))
const MINUTE_MS = 60_000
const LENGTH_MS = process.env.SESSIOND_TEST_LONG ? 60 * MINUTE_MS : 0.75 * MINUTE_MS
const SAMPLES = 15
const MIB = 1024 * 1024

interface Sample {
  /** After a full collection. */
  readonly heapBytes: number
  readonly anonymousBytes: number
  readonly storeBytes: number
  readonly files: number
  /** Open handles of the event loop, by kind. */
  readonly resources: Readonly<Record<string, number>>
}

async function observe(server: ServerProcess, store: string): Promise<Sample> {
  const { pid } = server.child
  server.child.kill('SIGUSR2')
  const { heapUsed, resources } = (await server.event('observed')) as never
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const sizes = (await readdir(store)).map((name) =>
    // Compaction takes files away meanwhile.
    stat(join(store, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  )
  return {
    ...{ heapBytes: heapUsed, resources },
    anonymousBytes: Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024,
    storeBytes: (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0),
    files: (await readdir(`/proc/${pid}/fd`)).length,
  }
}

/** How many iterators and snapshots of the database were not let go of. */
async function openWalks({ child, event }: ServerProcess): Promise<unknown> {
  child.kill('SIGWINCH')
  return (await event('walks')).walks
}

/** Clients that come and go, among them some that speak badly or not at all. */
async function comeAndGo(server: ServerProcess, until: AbortSignal): Promise<void> {
  const { grpc, http, seneca } = server.ready
  const acts = await connectActs(seneca[0] as string)
  for (let n = 0; !until.aborted; n++) {
    const client = createClient(grpc)
    const watch = watchSessions(`${http.replace('http', 'ws')}/session-list`, { WebSocket })
    const silent = connectSocket(Number(grpc.split(':')[1]), '127.0.0.1')
    const rude = connectSocket(Number(new URL(seneca[0] as string).port), '127.0.0.1')
    for (const socket of [silent, rude]) {
      socket.on('error', () => {})
    }
    rude.write('GET / HTTP/1.1\r\n\r\n')
    const events = watch[Symbol.asyncIterator]()
    await events.next()
    const request = createRequest()
    request[request.length - 1] = (request.at(-1) as number) ^ 1
    await client.create(request).catch(() => {})
    await client.create(Buffer.alloc(100, n)).catch(() => {})
    await fetch(`${http}/readyz`)
    // Counts by a walk over the keys.
    await acts.act('get_sessions', { filter: {}, paging: { take: 10, total: true } })
    await pause(20)
    watch.close()
    client.close()
    silent.destroy()
    rude.destroy()
  }
  acts.close()
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

describe('a server under load of every kind for long', () => {
  it(
    'keeps its memory, its files and its handles at a level, and lets go of everything',
    async () => {
      const dataDir = join(await temporaryDirectory(onTestFinished), 'data')
      const server = await startServer({
        dataDir,
        entry: OBSERVED,
        // Sessions end and are purged as fast as they come.
        args: [
          ...['--seneca', 'tcp://127.0.0.1:0', '--max-sessions-per-owner', '0'],
          ...['--idle-timeout', '10s', '--retention', '2s', '--peer-failures-per-second', '0'],
        ],
      })
      onTestFinished(async () => {
        await server.stop('SIGKILL')
      })
      const store = join(dataDir, 'store')
      // Not while the server looks after its files, which it does now and then.
      let before = await observe(server, store)
      while (Object.keys(before.resources).some((name) => name.includes('Req'))) {
        before = await observe(server, store)
      }
      const walksBefore = await openWalks(server)

      const stopped = new AbortController()
      const load = await startMixedLoad({
        grpc: server.ready.grpc,
        seneca: server.ready.seneca[0] as string,
        callers: 3,
        lifetimeSeconds: 10,
        pauseMs: 3,
        keeps: false,
        // On a machine that stands still for a while one may be over before it is asked for.
        mayFail: (code) => ['CONFLICT', 'NOT_FOUND', 'INVALID_LIFETIME'].includes(code ?? ''),
      })
      const guests = comeAndGo(server, stopped.signal)
      const samples: Sample[] = []
      for (let i = 0; i < SAMPLES; i++) {
        await pause(LENGTH_MS / SAMPLES)
        samples.push(await observe(server, store))
      }
      stopped.abort()
      await guests
      await load.stop()

      // The first third warms up; the last may not lie above the one before it.
      const third = SAMPLES / 3
      const level = (of: (sample: Sample) => number, lastOf = median) => ({
        middle: median(samples.slice(third, 2 * third).map(of)),
        last: lastOf(samples.slice(2 * third).map(of)),
      })
      const figures = {
        heap: level((sample) => sample.heapBytes),
        // V8 gives pages back some time after a collection: now they are there, now they are gone. So one low moment of
        // the middle says nothing, and one of the end that nothing was kept.
        anonymous: level(
          (sample) => sample.anonymousBytes,
          (values) => Math.min(...values),
        ),
        store: level((sample) => sample.storeBytes),
        files: level((sample) => sample.files),
      }
      console.info(JSON.stringify(figures))
      expect(figures.heap.last).toBeLessThan(figures.heap.middle * 1.1 + 2 * MIB)
      expect(figures.anonymous.last).toBeLessThan(figures.anonymous.middle * 1.15 + 8 * MIB)
      expect(figures.store.last).toBeLessThan(figures.store.middle * 1.5 + 8 * MIB)
      expect(figures.files.last).toBeLessThan(figures.files.middle * 1.5 + 8)

      // What calls and viewers opened is closed once they are gone.
      const resources = async () => (await observe(server, store)).resources
      await expect.poll(resources, { interval: 1000 }).toEqual(before.resources)
      await expect.poll(() => openWalks(server), { interval: 1000 }).toEqual(walksBefore)
      expect(await server.stop()).toMatchObject({ code: 0, signal: null })
    },
    LENGTH_MS + 10 * MINUTE_MS,
  )
})
