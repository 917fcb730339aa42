import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { STRANGERS } from '../../bench/hostile/strangers.js'
import { runJob } from '../../bench/lib/processes.js'
import { createClient, createRequest } from '../support/create.js'
import { type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'

const IS_LONG = process.env.SESSIOND_TEST_LONG !== undefined
/** How long the attacks last at most. Where speed is not measured, they end once each was met and these samples were taken. */
const SECONDS = IS_LONG ? 300 : 100
const SAMPLES = 20
const SAMPLE_INTERVAL_MS = IS_LONG ? 15_000 : 1000
/** A good caller's slowest percent, against its own before the strangers came. */
const MAX_P99_OF_QUIET = 3
const MIB = 1024 * 1024
const MAX_ANONYMOUS_BYTES = 768 * MIB
const HOSTILE = fileURLToPath(new URL('../../bench/hostile/', import.meta.url))

/** What `/metrics` of the server says where an attack was met. */
const MET: Readonly<Record<string, RegExp>> = {
  'untaken gRPC answers': /limited_total\{limit="answer-bytes"\} [1-9]/,
  'refusals at the quota': /seneca_acts_total\{cmd="open_session",code="429"\} [1-9]/,
  'counts and pages far out': /seneca_acts_total\{cmd="get_sessions",code="200"\} [1-9]/,
  'records before proof': /limited_total\{limit="peer-failures"\} [1-9]/,
}

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1))

async function anonymousBytes({ child }: ServerProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

/** What the good caller of the bench sees: Creates, four in flight. */
const measure = async ({ ready }: ServerProcess, seconds: number) => {
  const job = { port: portOf(ready.grpc), seconds }
  return ((await runJob(`${HOSTILE}caller.js`, job)) as { p99Ms: number }).p99Ms
}

/** The same before the strangers come. */
async function quietly(server: ServerProcess): Promise<number> {
  await measure(server, 2) // A server that has just started is slow by itself.
  return measure(server, 20)
}

/** GETs `/metrics` without a certificate, then again in the resumed session of TLS 1.3. */
async function resumeWithoutCertificate(http: string): Promise<string[]> {
  const lines: string[] = []
  let session: Buffer | undefined
  for (let i = 0; i < 2; i++) {
    const socket = connect({
      ...{ host: '127.0.0.1', port: portOf(http), rejectUnauthorized: false },
      ...(session && { session }),
    })
    socket.on('session', (ticket) => {
      session = ticket
    })
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) {
      answer += chunk
    }
    lines.push(answer.split('\r\n', 1)[0] as string)
  }
  return lines
}

describe('every attack of strangers at once, beside good callers', () => {
  it(
    'costs bounded memory, writes nothing to standard error and leaves good callers served',
    async () => {
      const directory = await temporaryDirectory(onTestFinished)
      const start = (name: string, args: readonly string[]) =>
        startServer({ dataDir: join(directory, name), args })
      const server = await start('open', [
        ...['--seneca', 'tcp://127.0.0.1:0', '--peer-failures-per-second', IS_LONG ? '5' : '1'],
      ])
      const setup = await tlsSetup(directory)
      const withTls = await start('tls', setup.serveArgs)
      onTestFinished(async () => {
        await Promise.all([server.stop('SIGKILL'), withTls.stop('SIGKILL')])
      })
      const { grpc, seneca, http } = server.ready
      const quietP99Ms = IS_LONG ? await quietly(server) : 0

      const met = new AbortController()
      onTestFinished(() => met.abort())
      const attack = runJob(
        `${HOSTILE}attacker.js`,
        {
          ports: { grpc: portOf(grpc), seneca: portOf(seneca[0] as string), http: portOf(http) },
          attacks: Object.keys(STRANGERS),
          seconds: SECONDS,
        },
        met.signal,
      ) as Promise<{ opened: Record<string, number> }>
      let isOver = false
      const ended = attack.finally(() => {
        isOver = true
      })
      const anonymous: number[] = []
      let unmet: readonly string[] = Object.keys(MET)
      const sample = async () => {
        while (!isOver) {
          anonymous.push(await anonymousBytes(server))
          expect((await fetch(`${http}/healthz`)).status).toBe(200)
          expect(await resumeWithoutCertificate(withTls.ready.http)).toEqual(
            Array(2).fill(expect.stringMatching(/^HTTP\/1.1 40[13] /)),
          )
          const metrics = await (await fetch(`${http}/metrics`)).text()
          unmet = unmet.filter((name) => !MET[name]?.test(metrics))
          if (unmet.length === 0 && anonymous.length >= SAMPLES && !IS_LONG) {
            met.abort()
          }
          await pause(SAMPLE_INTERVAL_MS)
        }
      }
      const good: number[] = []
      const call = async () => {
        const client = createClient(grpc)
        while (!isOver) {
          if (IS_LONG) {
            good.push(await measure(server, SECONDS / 4))
          } else {
            await client.create(createRequest())
          }
        }
        client.close()
      }
      const [{ opened }] = await Promise.all([ended, sample(), call()])

      console.info(JSON.stringify({ quietP99Ms, good, anonymous: Math.max(...anonymous), opened }))
      expect(Math.max(...anonymous)).toBeLessThan(MAX_ANONYMOUS_BYTES)
      expect(Object.keys(opened).filter((name) => opened[name] === 0)).toEqual([])
      expect(unmet).toEqual([])
      if (IS_LONG) {
        const third = anonymous.length / 3
        const least = (part: readonly number[]) => Math.min(...part)
        expect(least(anonymous.slice(2 * third))).toBeLessThan(
          1.15 * least(anonymous.slice(third, 2 * third)) + 8 * MIB,
        )
        // In the first one the strangers are still arriving.
        expect(Math.max(...good.slice(1))).toBeLessThan(MAX_P99_OF_QUIET * quietP99Ms)
      }
      for (const each of [server, withTls]) {
        const { stderr, ...end } = await each.stop()
        expect(end).toMatchObject({ code: 0, signal: null })
        expect(stderr.slice(0, 1000)).toBe('')
      }
    },
    1000 * SECONDS + 120_000,
  )
})
