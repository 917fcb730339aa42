import { readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Node } from '../../src/server/start.js'
import { type CreateClient, createClient, createRequest, newOwner } from '../support/create.js'
import { startTestNode } from '../support/node.js'
import { temporaryDirectory } from '../support/process.js'
import { readMetrics } from '../support/prometheus.js'

const dataDir = await temporaryDirectory(afterAll)
let node: Node
let client: CreateClient

beforeAll(async () => {
  node = await startTestNode(dataDir, { seneca: 'http://127.0.0.1:0' })
  client = createClient(node.addresses.grpc)
})
afterAll(async () => {
  client.close()
  await node.close()
})

async function scrape() {
  const response = await fetch(`${node.addresses.http}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const families = readMetrics(await response.text())
  const value = (series: string) => {
    const [name = ''] = /^\w+/.exec(series) ?? []
    const family = families.get(name) ?? families.get(name.replace(/_(count|sum|bucket)$/, ''))
    return family?.samples.get(series)
  }
  return { families, value }
}

const act = (message: object) =>
  fetch(`${node.addresses.seneca[0]}/act`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ role: 'sessions', ...message }),
  }).then((response) => response.json())

describe('/metrics', () => {
  it('counts calls by method and code, and how long they and their parts took', async () => {
    const signer = newOwner()
    await client.create(createRequest({ signer }))
    await client.create(createRequest({ signer }))
    await expect(client.create(createRequest({ owner: newOwner().publicKey }))).rejects.toThrow()
    const { value } = await scrape()
    const method = 'method="session.Session/Create"'
    expect(value(`sessiond_grpc_calls_total{${method},code="OK"}`)).toBe(2)
    expect(value(`sessiond_grpc_calls_total{${method},code="PERMISSION_DENIED"}`)).toBe(1)
    expect(value(`sessiond_grpc_call_duration_seconds_count{${method}}`)).toBe(3)
    expect(value('sessiond_open_sessions')).toBe(2)
    for (const name of ['verify_duration', 'sign_duration', 'store_commit_duration']) {
      expect(value(`sessiond_${name}_seconds_count`)).toBeGreaterThan(1)
    }
    expect(value('sessiond_store_commit_writes_sum')).toBeGreaterThanOrEqual(2)
    expect(value('sessiond_calls_in_flight{transport="grpc"}')).toBe(0)
  })

  it('counts acts by command, of which callers can make up none', async () => {
    await act({ cmd: 'get_sessions', filter: {} })
    await act({ cmd: 'made_up_1' })
    await act({ cmd: 'made_up_2', role: 'other' })
    await act({ cmd: '__proto__' })
    const { value, families } = await scrape()
    expect(value('sessiond_seneca_acts_total{cmd="get_sessions",code="200"}')).toBe(1)
    expect(value('sessiond_seneca_acts_total{cmd="unknown",code="404"}')).toBe(3)
    expect(families.get('sessiond_seneca_acts_total')?.samples.size).toBe(2)
  })

  it('knows the viewers of the list, also those that were dropped', async () => {
    const url = `${node.addresses.http?.replace('http', 'ws')}/session-list`
    const viewer = new WebSocket(url)
    await new Promise((resolve) => viewer.once('message', resolve))
    expect((await scrape()).value('sessiond_feed_viewers')).toBe(1)
    const closed = new Promise((resolve) => viewer.once('close', resolve))
    for (let i = 0; i < 10; i++) {
      viewer.send('nonsense')
    }
    await closed
    await expect.poll(async () => (await scrape()).value('sessiond_feed_viewers')).toBe(0)
    const { value } = await scrape()
    expect(value('sessiond_feed_malformed_total')).toBeGreaterThan(8)
    const reason = 'it sends too many malformed messages'
    expect(value(`sessiond_feed_dropped_total{reason="${reason}"}`)).toBe(1)
  })

  it('has what docs/operations.md lists, and nothing else', async () => {
    const docs = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const rows = [...docs.matchAll(/^\| `(sessiond_\w+)` \| (\w+) \|([^|]*)\|/gm)]
    const listed = rows.map(([, name, type]) => `${name} ${type}`)
    const { families } = await scrape()
    const served = [...families]
      .filter(([name]) => !/^(process|nodejs)_/.test(name))
      .map(([name, { type }]) => `${name} ${type}`)
    expect(served.sort()).toEqual(listed.sort())

    const labels = Object.fromEntries(
      rows.map(([, name = '', , cell = '']) => [name, cell.replaceAll(/[` ]/g, '')]),
    )
    for (const [name, { samples }] of families) {
      for (const [series] of samples) {
        const found = [...series.matchAll(/(\w+)="/g)].map(([, label]) => label)
        const own = found.filter((label) => label !== 'le').join()
        expect(own, series).toBe(name in labels ? labels[name] : own)
      }
    }
    expect(families.has('nodejs_eventloop_lag_p99_seconds')).toBe(true)
    expect(families.has('process_resident_memory_bytes')).toBe(true)
  })

  it('is for requests that name this machine, whoever connects', async () => {
    const { port } = new URL(node.addresses.http ?? '')
    const status = (headers: Record<string, string>) =>
      new Promise((resolve) =>
        get({ host: '127.0.0.1', port, path: '/metrics', headers }, (response) => {
          response.resume()
          resolve(response.statusCode)
        }),
      )
    expect(await status({ Host: 'evil.example' })).toBe(403)
    expect(await status({ Host: `localhost:${port}` })).toBe(200)
  })

  it('is not for everyone beyond loopback, nor where the list is public', async () => {
    const open = await startTestNode(await temporaryDirectory(afterAll), {
      http: '0.0.0.0:0',
      'feed-public': 'yes',
      plaintext: 'yes',
    })
    const { port } = new URL(open.addresses.http ?? '')
    const response = await fetch(`http://127.0.0.1:${port}/metrics`)
    expect(response.status).toBe(403)
    await open.close()
  })
})

it('the reader of metrics refuses what is none', () => {
  const gauge = '# HELP a A.\n# TYPE a gauge\n'
  const histogram = '# HELP h H.\n# TYPE h histogram\n'
  for (const text of [
    `${gauge}a 1`,
    'a 1\n',
    `${gauge}a 1\na 1\n`,
    `${gauge}b 1\n`,
    `${gauge}a one\n`,
    `${gauge}a{b="\n"} 1\n`,
    `${gauge}a 1\n${gauge}`,
    `${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 1\n`,
  ]) {
    expect(() => readMetrics(text), text).toThrow()
  }
  expect(readMetrics(`${gauge}a{b="c"} 1\n`).size).toBe(1)
})
