import { once } from 'node:events'
import { createServer } from 'node:net'

/** Ports that this process gave out. */
const given = new Set()

/**
 * A free port below those that the system gives to whoever asks for any: nobody takes it while its server is away, or
 * before it has begun.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 16_000 + Math.floor(Math.random() * 16_000)
    if (!given.has(port)) {
      given.add(port)
      const server = createServer()
      server.listen(port, '127.0.0.1')
      const isFree = await once(server, 'listening').then(
        () => true,
        () => false,
      )
      if (isFree) {
        server.close()
        await once(server, 'close')
        return port
      }
    }
  }
}

/** An address of this machine at such a port. */
export const freeAddress = async () => `127.0.0.1:${await freePort()}`
