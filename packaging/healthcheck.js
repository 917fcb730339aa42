// Ends with 0 if the server in this container is ready. The image has no curl.
import http from 'node:http'
import https from 'node:https'

const [, bracketed, name = '127.0.0.1', port = '8808'] =
  /(?:\[([^\]]+)\]|([^:[\]/]+)):(\d+)$/.exec(process.env.SESSIOND_HTTP ?? '') ?? []
/** The loopback address of a server that listens on all addresses. */
const LOOPBACK = { '0.0.0.0': '127.0.0.1', '::': '::1' }
const host = LOOPBACK[bracketed ?? name] ?? bracketed ?? name

/** Rejects if nobody answers in this protocol. */
function isReady({ get }) {
  return new Promise((resolve, reject) => {
    // The certificate need not name loopback, and nobody else can answer here.
    const options = { host, port, path: '/readyz', rejectUnauthorized: false, agent: false }
    get(options, ({ statusCode }) => resolve(statusCode === 200)).on('error', reject)
  })
}

const ready = await isReady(http)
  .catch(() => isReady(https))
  .catch((error) => {
    console.error(`${host}, port ${port}: ${error.message}`)
    return false
  })
process.exit(ready ? 0 : 1)
