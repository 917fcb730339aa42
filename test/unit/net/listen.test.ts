import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ListenError } from '../../../src/core/errors.js'
import { listen } from '../../../src/net/listen.js'

// Of no other test: a port that is free on the one is free on both.
const TWO = ['127.0.0.11', '127.0.0.12'] as const
const named = (...addresses: readonly string[]) => ({
  option: '--there',
  resolve: async () => addresses,
})

/** A server on each address of a name. */
async function start(addresses: readonly string[], server = createServer(), port = 0) {
  const listening = await listen(server, { host: 'localhost', port }, named(...addresses))
  onTestFinished(() => listening.close())
  return listening
}

/** Another program's server. */
async function occupy(host: string, port = 0): Promise<number> {
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

describe('a server whose host is a name', () => {
  it('listens on each of its addresses, with one port', async () => {
    const peers: (string | undefined)[] = []
    const server = createServer((socket) => {
      peers.push(socket.localAddress)
      socket.end('hello')
    })
    const { addresses, address, close } = await start(TWO, server)
    const [, port] = addresses[0]?.split(':') ?? []
    expect(addresses).toEqual(TWO.map((host) => `${host}:${port}`))
    expect(address).toBe(addresses.join(','))
    for (const host of TWO) {
      const socket = connect(Number(port), host)
      expect((await socket.toArray()).join('')).toBe('hello')
    }
    expect(peers).toEqual(TWO)
    await close()
    for (const host of TWO) {
      const [error] = await once(connect(Number(port), host), 'error')
      expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  it('answers HTTP on each, and waits for each when it closes', async () => {
    const server = createHttpServer((request, response) => response.end(request.headers.host))
    server.keepAliveTimeout = 60_000
    const { addresses, close } = await start(TWO, server)
    for (const address of addresses) {
      expect(await (await fetch(`http://${address}/`)).text()).toBe(address)
    }
    await close()
    expect(server.listening).toBe(false)
  })

  it('finds a port that is free on each', async () => {
    let tries = 0
    const server = createServer()
    const [first, second] = TWO
    const listenOnce = server.listen.bind(server) as (...args: unknown[]) => Server
    // The first port that the system chooses is another program's on the second address.
    server.listen = ((options: object, done: () => void) =>
      listenOnce(options, async () => {
        if (tries++ === 0) {
          await occupy(second, (server.address() as AddressInfo).port)
        }
        done()
      })) as typeof server.listen
    const { addresses } = await start(TWO, server)
    expect(tries).toBe(2)
    expect(addresses.map((address) => address.split(':')[0])).toEqual([first, second])
  })

  it('does not start where one of them is taken, and lets go of the others', async () => {
    const [first, second] = TWO
    const port = await occupy(second)
    await expect(start(TWO, createServer(), port)).rejects.toThrow(
      `cannot listen on ${second}:${port}: free that address, or give another with --there`,
    )
    await occupy(first, port)
  })

  it('goes without an address that this machine does not have, unless it is the only one', async () => {
    // Set apart for documents (RFC 5737).
    for (const addresses of [
      ['192.0.2.1', '127.0.0.1'],
      ['127.0.0.1', '192.0.2.1'],
    ]) {
      const settings = named(...addresses)
      const listening = await listen(createServer(), { host: 'a.example', port: 0 }, settings)
      onTestFinished(() => listening.close())
      expect(listening.addresses).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)])
    }
    const none = listen(createServer(), { host: 'a.example', port: 0 }, named('192.0.2.1'))
    await expect(none).rejects.toThrow(/cannot listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL/)
  })

  it('does not take another machine for this one, whatever localhost is', async () => {
    await expect(start(['127.0.0.1', '0.0.0.0'])).rejects.toThrow(
      'cannot listen on localhost:0: localhost is 0.0.0.0 here, which is not a loopback address',
    )
  })

  it('says what is wrong with a name that has none', async () => {
    const resolve = () => Promise.reject(new Error('getaddrinfo ENOTFOUND a.example'))
    const settings = { option: '--there', resolve }
    await expect(listen(createServer(), { host: 'a.example', port: 1 }, settings)).rejects.toThrow(
      ListenError,
    )
    await expect(start([])).rejects.toThrow('the name has no address')
  })
})
