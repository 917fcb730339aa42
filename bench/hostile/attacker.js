import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ATTACKS } from './attacks.js'

/*
 * `node attacker.js JOB`, where JOB is JSON with the `ports` of a server, the `attacks` to make at once, by
 * name, and `seconds`. The first comes from 127.0.0.2, each other one from the next address; a connection that
 * is lost is opened again after 100 ms. Prints how many connections were `opened`, by attack, and the CPU used.
 * A SIGTERM ends it earlier.
 */

const { ports, attacks, seconds } = JSON.parse(process.argv[2])
let endMs = performance.now() + 1000 * seconds
process.once('SIGTERM', () => {
  endMs = performance.now()
})
const isOver = () => performance.now() >= endMs
const opened = Object.fromEntries(attacks.map((name) => [name, 0]))

await Promise.all(
  attacks.flatMap((name, n) =>
    Array.from({ length: ATTACKS[name].connections }, (_, i) =>
      keepAttacking(name, `127.0.0.${2 + n}`, i),
    ),
  ),
)
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ opened, cpuShare: (user + system) / 1e6 / seconds }))
process.exit()

async function keepAttacking(name, localAddress, i) {
  const { port = 'grpc', hello, next, perSecond, reads = true } = ATTACKS[name]
  // Not all at once: 2000 a second.
  await sleep(i / 2)
  while (!isOver()) {
    const ids = { last: -1 }
    const socket = net.connect({ port: ports[port], host: '127.0.0.1', localAddress })
    socket.on('error', () => {}).on('connect', () => opened[name]++)
    if (reads) {
      socket.resume()
    }
    socket.write(hello())
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
