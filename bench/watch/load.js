import { createHistogram } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import {
  connect,
  createSession,
  generateKey,
  privateKeyFromPem,
  SessionsClient,
  signerOf,
} from '../../dist/client/index.js'
import { requestDigestBytes } from '../../dist/envelope/digest.js'
import { readMessage } from '../../dist/envelope/message.js'
import { tokens } from '../../dist/envelope/shapes.js'
import { signRequest } from '../../dist/envelope/sign.js'
import { TokensMethod, WatchRequest_Body } from '../../dist/generated/sessiond/v1/tokens.js'
import { EndedSessions, epochNow } from '../../dist/tokens/index.js'
import { readWatchMessage } from '../../dist/tokens/watch-message.js'
import { watchCpu } from '../lib/cpu.js'
import { encodeMeta } from '../lib/meta.js'

/*
 * The watchers, and who ends sessions: `node load.js JOB`. JOB is JSON with the `pid` and `port` of a server, the key of a
 * service that may watch (`serviceKey`, PEM), how many `watchers`, how many endings a second, and for how long. All are in
 * one process, so that one clock measures how long an ending took: from the call that ends the session to each watcher. Of
 * endings that come in one message the one that waited longest counts.
 */

const WATCHERS_OF_CONNECTION = 100
const OWNERS = 64
const OPEN_AT_ONCE = 64
const LIFETIME_MS = 3_600_000

const { pid, port, serviceKey, ...job } = JSON.parse(process.argv[2])
const { watchers, endingsPerSecond, warmUpSeconds, seconds } = job
const address = `127.0.0.1:${port}`
const service = signerOf(privateKeyFromPem(serviceKey, 'the job'))
const server = connect(address, { serverKeys: 'any' })
const sessions = new SessionsClient(server)

const count = endingsPerSecond * (warmUpSeconds + seconds)
const owners = Array.from({ length: OWNERS }, () => generateKey('ed25519'))
const ids = []
const openAll = async (from) => {
  for (let i = from; i < count; i += OPEN_AT_ONCE) {
    const ownerKey = owners[i % OWNERS]
    ids.push((await createSession(server, { ownerKey, lifetimeMs: LIFETIME_MS })).id)
  }
}
await Promise.all(Array.from({ length: OPEN_AT_ONCE }, (_, i) => openAll(i)))

/** When each session began to end, by id. */
const endedAtMs = new Map()
const latencies = createHistogram()
let messages = 0

/** What the last distinct message told: all watchers get the same. */
let last = { bytes: Buffer.alloc(0), oldestAtMs: null }
const known = new EndedSessions({ trusts: () => true })

/** When the first of the endings in a message began; null if there are none. */
function oldestIn(bytes) {
  if (!last.bytes.equals(bytes)) {
    const times = readWatchMessage(bytes).endings.flatMap(({ id }) => endedAtMs.get(id) ?? [])
    last = { bytes, oldestAtMs: times.length === 0 ? null : Math.min(...times) }
  }
  return last.oldestAtMs
}

function verify(stream, bytes) {
  const verdict = stream.accept(bytes)
  if (!verdict.isGood) {
    throw new Error(`${verdict.reason}: ${verdict.message}`)
  }
}

function watchRequest() {
  const body = WatchRequest_Body.encode({
    method: TokensMethod.TOKENS_METHOD_WATCH,
    epoch: epochNow(),
    cursor: Buffer.alloc(0),
  }).finish()
  return signRequest({ body, meta: encodeMeta() }, service, tokens.watchRequest)
}

const asIs = (bytes) => bytes
const clients = []
/**
 * Resolves when the first message has come: all that ended before was told.
 * @returns {Promise<void>}
 */
function watch(number) {
  if (number % WATCHERS_OF_CONNECTION === 0) {
    clients.push(
      new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
    )
  }
  const request = watchRequest()
  const digest = requestDigestBytes(readMessage(request, tokens.watchRequest).message)
  // One verifies; the others compare.
  const stream = number === 0 ? known.stream(digest) : undefined
  const path = '/sessiond.v1.Tokens/Watch'
  const call = clients.at(-1).makeServerStreamRequest(path, asIs, asIs, request)
  return new Promise((resolve, reject) => {
    call.on('data', (bytes) => {
      messages++
      const atMs = oldestIn(bytes)
      if (atMs !== null) {
        latencies.record(Math.max(1, Math.round(1000 * (performance.now() - atMs))))
      }
      if (stream !== undefined) {
        verify(stream, bytes)
      }
      resolve()
    })
    call.on('error', reject)
  })
}
for (let i = 0; i < watchers; i++) {
  await watch(i)
}

async function pace(from, seconds) {
  const startMs = performance.now()
  const made = []
  for (let i = 0; i < endingsPerSecond * seconds; i++) {
    await setTimeout(startMs + (i * 1000) / endingsPerSecond - performance.now())
    const id = ids[from + i]
    endedAtMs.set(id, performance.now())
    made.push(sessions.close(id))
  }
  await Promise.all(made)
}

async function allTold() {
  while (known.size < endedAtMs.size) {
    await setTimeout(10)
  }
}

await pace(0, warmUpSeconds)
await allTold()
latencies.reset()
messages = 0
const used = watchCpu(pid)
await pace(endingsPerSecond * warmUpSeconds, seconds)
await allTold()
const { elapsedMs, serverCpuShare, generatorCpuShare } = used()
console.log(
  JSON.stringify({
    watchers,
    endings: endingsPerSecond * seconds,
    p50Ms: latencies.percentile(50) / 1000,
    p99Ms: latencies.percentile(99) / 1000,
    mostMs: latencies.max / 1000,
    messagesPerSecond: (1000 * messages) / elapsedMs,
    ...{ serverCpuShare, generatorCpuShare },
  }),
)
process.exit(0)
