import { Client, credentials } from '@grpc/grpc-js'
import { connect, createSession, fetchServerKeys, generateKey } from '../../dist/client/index.js'
import { echoPath } from '../lib/echo.js'

/*
 * A client that calls, one call after the other: `node load.js JOB`. JOB is JSON with the `kind` of call, the
 * `address` of a server, `seconds`, and options of the kind. Prints its own CPU.
 */

const WARM_UP_CALLS = 200
const LIFETIME_MS = 3_600_000

const { kind, address, seconds, ...job } = JSON.parse(process.argv[2])

const kinds = {
  async createSession({ type }) {
    const stranger = connect(address, { serverKeys: 'any' })
    const server = connect(address, { serverKeys: await fetchServerKeys(stranger) })
    stranger.close()
    const ownerKey = generateKey(type)
    return {
      call: () => createSession(server, { ownerKey, lifetimeMs: LIFETIME_MS }),
      close: () => server.close(),
    }
  },

  /** A bare grpc-js call of the same sizes. */
  echo({ requestBytes, replyBytes }) {
    const raw = (bytes) => bytes
    const client = new Client(address, credentials.createInsecure())
    const message = Buffer.alloc(requestBytes, 1)
    const path = echoPath(replyBytes)
    const call = () =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, raw, raw, message, (error, reply) =>
          error ? reject(error) : resolve(reply),
        )
      })
    return { call, close: () => client.close() }
  },
}

const { call, close } = await kinds[kind](job)
for (let i = 0; i < WARM_UP_CALLS; i++) {
  await call()
}
const startCpu = process.cpuUsage()
const startMs = performance.now()
let calls = 0
while (performance.now() - startMs < seconds * 1000) {
  await call()
  calls++
}
const elapsedMs = performance.now() - startMs
const { user, system } = process.cpuUsage(startCpu)
close()
console.log(
  JSON.stringify({
    callsPerSecond: (calls / elapsedMs) * 1000,
    clientCpuMsPerCall: (user + system) / 1000 / calls,
  }),
)
