import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { shapes } from '../create/requests.js'
import { ATTACKS } from './attacks.js'

/*
 * `node attacker.js JOB`, where JOB is JSON with the `port` of a server, the `attack`, and `seconds`.
 * Everything comes from 127.0.0.2; each connection that is lost is opened again after 100 ms. Prints
 * how many connections were opened, and the CPU used.
 */

const { port, attack, seconds } = JSON.parse(process.argv[2])
const { connections, hello, next, perSecond } = ATTACKS[attack]
const endMs = performance.now() + 1000 * seconds
const isOver = () => performance.now() >= endMs
const message = badRequest()
let opened = 0

await Promise.all(Array.from({ length: connections }, (_, i) => attackOn(i)))
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ opened, cpuShare: (user + system) / 1e6 / seconds }))
process.exit()

async function attackOn(i) {
  // Not all at once: 2000 a second.
  await sleep(i / 2)
  while (!isOver()) {
    const ids = { last: -1, message }
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    socket.on('error', () => {})
    socket.resume()
    socket.write(hello)
    opened++
    while (!isOver() && !socket.destroyed) {
      await sleep(perSecond === 0 ? 100 : 1000 / perSecond)
      if (perSecond > 0 && socket.writableLength === 0) {
        socket.write(next(ids))
      }
    }
    socket.destroy()
    await sleep(100)
  }
}

/** A Create that is well formed, with a byte of its last signature changed, as a gRPC message. */
function badRequest() {
  const request = Buffer.from(shapes['a new owner each']().next().value)
  request[request.length - 5] ^= 1
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(request.length, 1)
  return Buffer.concat([prefix, request])
}
