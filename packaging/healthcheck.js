// Ends with 0 where the server in this container is ready: the image has no curl.
import http from 'node:http'
import https from 'node:https'

const [, bracketed, name = '127.0.0.1', port = '8808'] =
  /(?:\[([^\]]+)\]|([^:[\]/]+)):(\d+)$/.exec(process.env.SESSIOND_HTTP ?? '') ?? []
/** Where who listens on every address is reached. */
const LOOPBACK = { '0.0.0.0': '127.0.0.1', '::': '::1' }
const host = LOOPBACK[bracketed ?? name] ?? bracketed ?? name

/** Rejects where nobody answers in this protocol. */
function isReady({ get }) {
  return new Promise((resolve, reject) => {
    // The certificate need not name what is asked for, and who else would answer here?
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
