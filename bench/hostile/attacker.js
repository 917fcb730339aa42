import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ATTACKS } from './attacks.js'

/*
 * `node attacker.js JOB`, where JOB is JSON with the `ports` of a server, the `attacks` to make at once, by
 * name, and `seconds`. Everything comes from 127.0.0.2; each connection that is lost is opened again after
 * 100 ms. Prints how many connections were opened, and the CPU used.
 */

const { ports, attacks, seconds } = JSON.parse(process.argv[2])
const endMs = performance.now() + 1000 * seconds
const isOver = () => performance.now() >= endMs
let opened = 0

await Promise.all(
  attacks.flatMap((name) =>
    Array.from({ length: ATTACKS[name].connections }, (_, i) => attackOn(ATTACKS[name], i)),
  ),
)
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ opened, cpuShare: (user + system) / 1e6 / seconds }))
process.exit()

async function attackOn({ port = 'grpc', hello, next, perSecond, reads = true }, i) {
  // Not all at once: 2000 a second.
  await sleep(i / 2)
  while (!isOver()) {
    const ids = { last: -1 }
    const socket = net.connect({ port: ports[port], host: '127.0.0.1', localAddress: '127.0.0.2' })
    socket.on('error', () => {})
    if (reads) {
      socket.resume()
    }
    socket.write(hello())
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
