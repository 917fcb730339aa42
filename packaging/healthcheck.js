// Ends with 0 where the server in this container is ready: the image has no curl.
import http from 'node:http'
import https from 'node:https'

const [, port = '8808'] = /:(\d+)$/.exec(process.env.SESSIOND_HTTP ?? '') ?? []

/** Rejects where nobody answers in this protocol. */
function isReady({ get }, scheme) {
  return new Promise((resolve, reject) => {
    const url = `${scheme}://127.0.0.1:${port}/readyz`
    // The certificate need not name loopback, and who else would answer there?
    get(url, { rejectUnauthorized: false, agent: false }, ({ statusCode }) =>
      resolve(statusCode === 200),
    ).on('error', reject)
  })
}

const ready = await isReady(http, 'http')
  .catch(() => isReady(https, 'https'))
  .catch((error) => {
    console.error(`port ${port}: ${error.message}`)
    return false
  })
process.exit(ready ? 0 : 1)
