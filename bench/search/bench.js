import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActClient } from '../lib/act-client.js'
import { cpuTimeMs } from '../lib/cpu.js'
import { address, CLIENT } from '../lib/people.js'
import { withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { median, quantile } from '../lib/statistics.js'
import { formatTable, LINUX_ONLY } from '../lib/table.js'
import { atMost } from '../lib/verdicts.js'
import { fillStore } from '../store/fill.js'
import { makeUsers } from '../store/sessions.js'

const MAX_PAGE_CPU_MS = 50
const MAX_SMALL_CALL_MS = 20
/** First pages of each kind. The kernel counts CPU in steps of 10 ms. */
const PAGES = 60
const TOKEN = 'the-admin-token-of-the-bench'

/** An operator's searches in a store of `count` sessions: CPU of the server for a first page, and a search to the end. */
export async function benchSearch({ count }, report) {
  return withServers(async (directory, start) => {
    const server = await openServer(directory, count, report, start)
    const userIds = makeUsers(count).map(({ id }) => id)
    const pages = []
    for (const [name, body] of searches(count, userIds)) {
      report(`${PAGES} first pages: ${name}`)
      pages.push({ name, ...(await measurePages(server, body)) })
    }
    report('a search to the end, and small calls beside it')
    const whole = await searchToTheEnd(server)
    const figures = { count, pages, whole }
    return { table: table(figures), verdicts: verdicts(figures), figures }
  })
}

/** Each a name, and the body of the i-th request. */
const searches = (count, userIds) => [
  ['a user', (i) => ({ user: userIds[(i * 7919) % userIds.length] })],
  ['a user as text', (i) => ({ text: userIds[(i * 7919) % userIds.length], limit: 50 })],
  ['a client that all have', () => ({ client: CLIENT })],
  ['a client that none has', () => ({ client: 'nothing' })],
  ['an address that eight have', (i) => ({ address: address(count - 1 - i * 997) })],
  ['an address that none has', () => ({ address: '192.0.2.1' })],
  ['a text that none has', () => ({ text: 'zzz no such thing' })],
  ['ended ones of one kind', () => ({ kind: 'token', state: 'ended' })],
  ['all, the oldest request first', () => ({ order: 'asc' })],
  ['all, by when they opened', () => ({ sort: 'opened' })],
]

async function openServer(directory, count, report, start) {
  const dataDir = join(directory, `${count}`)
  const tokenFile = join(directory, 'token')
  await writeFile(tokenFile, TOKEN)
  await fillStore(start, dataDir, count, report)
  return serve(start, dataDir, { http: true, more: ['--admin-token-file', tokenFile] })
}

async function search({ ports }, body) {
  const response = await fetch(`http://127.0.0.1:${ports.http}/operator/search`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) {
    throw new Error(`a search is answered with ${response.status}: ${text}`)
  }
  return JSON.parse(text)
}

async function measurePages(server, body) {
  for (let i = 0; i < 5; i++) {
    await search(server, body(PAGES + i))
  }
  const beganMs = cpuTimeMs(server.pid)
  const latenciesMs = []
  let last
  for (let i = 0; i < PAGES; i++) {
    const startMs = performance.now()
    last = await search(server, body(i))
    latenciesMs.push(performance.now() - startMs)
  }
  const cpuMs = beganMs === null ? null : (cpuTimeMs(server.pid) - beganMs) / PAGES
  const { sessions, looked_at: lookedAt, stopped } = last
  return { cpuMs, latencyMs: median(latenciesMs), lookedAt, found: sessions.length, stopped }
}

/** Looks at every session of the store. */
async function searchToTheEnd(server) {
  const client = new ActClient(server.ports.seneca)
  const { data } = await client.ask({ cmd: 'get_sessions', paging: { take: 1 } })
  let isOver = false
  const small = (async () => {
    const latenciesMs = []
    while (!isOver) {
      latenciesMs.push(await client.timed({ cmd: 'get_session_by_id', session_id: data[0].id }))
    }
    return latenciesMs
  })()
  const startMs = performance.now()
  let [calls, lookedAt, cursor] = [0, 0, undefined]
  do {
    const answer = await search(server, { address: '192.0.2.1', ...(cursor && { cursor }) })
    calls++
    lookedAt += answer.looked_at
    cursor = answer.next
  } while (cursor)
  const seconds = (performance.now() - startMs) / 1000
  isOver = true
  const latenciesMs = await small
  client.close()
  const smallMs = { p99: quantile(latenciesMs, 0.99), most: quantile(latenciesMs, 1) }
  return { calls, lookedAt, seconds, smallMs }
}

function table({ count, pages, whole: { calls, lookedAt, seconds, smallMs } }) {
  const rows = pages.map(({ name, cpuMs, latencyMs, lookedAt: looked, found, stopped }) => [
    ...[name, cpuMs?.toFixed(1) ?? LINUX_ONLY, latencyMs.toFixed(1)],
    ...[`${looked}`, `${found}`, stopped ? 'yes' : ''],
  ])
  const head = [
    `first page, of ${count} sessions`,
    'server CPU ms',
    'ms',
    'looked at',
    'found',
    'stopped',
  ]
  return [
    formatTable(head, rows),
    '',
    `a search to the end: ${lookedAt} sessions in ${calls} calls, ${seconds.toFixed(1)} s; small calls beside it: p99 ${smallMs.p99.toFixed(1)} ms, at most ${smallMs.most.toFixed(1)} ms`,
  ].join('\n')
}

function verdicts({ count, pages, whole }) {
  return [
    ...pages
      .filter(({ cpuMs }) => cpuMs !== null)
      .map(({ name, cpuMs }) =>
        atMost(`search of ${count}, ${name}: CPU`, cpuMs, MAX_PAGE_CPU_MS, { unit: ' ms' }),
      ),
    atMost('p99 of a small call beside a search', whole.smallMs.p99, MAX_SMALL_CALL_MS, {
      unit: ' ms',
    }),
  ]
}
