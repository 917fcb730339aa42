import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { STRANGERS } from '../../bench/hostile/strangers.js'
import { runJob } from '../../bench/lib/processes.js'
import { type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'
import { tlsSetup } from '../support/tls.js'

const IS_LONG = process.env.SESSIOND_TEST_LONG !== undefined
const SECONDS = IS_LONG ? 300 : 20
/** A good caller's slowest percent, against its own before the strangers came. */
const MAX_P99_OF_QUIET = 3
const MIB = 1024 * 1024
const MAX_ANONYMOUS_BYTES = 768 * MIB
const SAMPLES = 20
const HOSTILE = fileURLToPath(new URL('../../bench/hostile/', import.meta.url))

/** What `/metrics` of the server says where an attack was met. */
const MET: Partial<Record<keyof typeof STRANGERS, RegExp>> = {
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
const callWell = ({ ready }: ServerProcess, seconds: number) =>
  runJob(`${HOSTILE}caller.js`, { port: portOf(ready.grpc), seconds }) as Promise<{ p99Ms: number }>

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
        ...['--seneca', 'tcp://127.0.0.1:0', '--peer-failures-per-second', '5'],
      ])
      const setup = await tlsSetup(directory)
      const withTls = await start('tls', setup.serveArgs)
      onTestFinished(async () => {
        await Promise.all([server.stop('SIGKILL'), withTls.stop('SIGKILL')])
      })
      await callWell(server, 2) // A server that has just started is slow by itself.
      const quiet = await callWell(server, IS_LONG ? 20 : 3)

      const { grpc, seneca, http } = server.ready
      const attack = runJob(`${HOSTILE}attacker.js`, {
        ports: { grpc: portOf(grpc), seneca: portOf(seneca[0] as string), http: portOf(http) },
        attacks: Object.keys(STRANGERS),
        seconds: SECONDS,
      }) as Promise<{ opened: Record<string, number> }>
      let isOver = false
      const ended = attack.finally(() => {
        isOver = true
      })
      const anonymous: number[] = []
      const good: number[] = []
      const sample = async () => {
        while (!isOver) {
          anonymous.push(await anonymousBytes(server))
          expect((await fetch(`${http}/healthz`)).status).toBe(200)
          expect(await resumeWithoutCertificate(withTls.ready.http)).toEqual(
            Array(2).fill(expect.stringMatching(/^HTTP\/1.1 40[13] /)),
          )
          await pause((1000 * SECONDS) / SAMPLES)
        }
      }
      const call = async () => {
        await pause(1000) // By then all strangers are there.
        while (!isOver) {
          good.push((await callWell(server, SECONDS / 4)).p99Ms)
        }
      }
      const [{ opened }] = await Promise.all([ended, sample(), call()])
      const metrics = await (await fetch(`${http}/metrics`)).text()

      const figures = {
        ...{ quietP99Ms: quiet.p99Ms, p99Ms: good, anonymous: Math.max(...anonymous) },
        opened,
      }
      console.info(JSON.stringify(figures))
      expect((server.errors() + withTls.errors()).slice(0, 1000)).toBe('')
      expect(figures.anonymous).toBeLessThan(MAX_ANONYMOUS_BYTES)
      expect(Object.keys(opened).filter((name) => opened[name] === 0)).toEqual([])
      const unmet = Object.entries(MET).filter(([, met]) => !met.test(metrics))
      expect(unmet.map(([name]) => name)).toEqual([])
      if (IS_LONG) {
        const third = anonymous.length / 3
        const least = (part: readonly number[]) => Math.min(...part)
        expect(least(anonymous.slice(2 * third))).toBeLessThan(
          1.15 * least(anonymous.slice(third, 2 * third)) + 8 * MIB,
        )
        // In the first one the strangers are still arriving.
        expect(Math.max(...good.slice(1))).toBeLessThan(MAX_P99_OF_QUIET * quiet.p99Ms)
      }
      for (const each of [server, withTls]) {
        expect(await each.stop()).toEqual({ code: 0, signal: null })
      }
    },
    1000 * SECONDS + 120_000,
  )
})
