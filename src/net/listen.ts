import { lookup } from 'node:dns/promises'
import { createServer, isIP, type Server } from 'node:net'
import { ListenError } from '../core/errors.js'
import { type Address, addressText, type TcpAddress } from './address.js'
import { bind, bindUnixSocket } from './bind.js'
import { isLoopback } from './loopback.js'

/**
 * All addresses of a name get the same port. Where the system chooses the port for the first address, another program may
 * have that port on a further one.
 */
const MAX_ATTEMPTS = 20
/** This machine lacks the address. Many hosts files name ::1 on machines without IPv6. */
const UNAVAILABLE: ReadonlySet<unknown> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

export interface Listening {
  /** The bound addresses: `SCHEME://HOST:PORT`, `HOST:PORT` without a scheme, or `unix:PATH`. */
  readonly addresses: readonly string[]
  /** The same, joined with commas. */
  readonly address: string
  /** Accepts no more connections. Resolves when the open ones have ended. */
  close(): Promise<void>
}

export interface ListenSettings {
  /** The option that sets the address, for error messages. */
  readonly option: string
  /** Default: none. */
  readonly scheme?: string
  readonly backlog?: number
  /** Permissions of a Unix socket: who may connect (default: 0600). */
  readonly socketMode?: number
  /** Resolves a name to its addresses (default: by the system). */
  readonly resolve?: (name: string) => Promise<readonly string[]>
}

/**
 * Binds a server to every address of a host, or to a Unix socket. Throws ListenError, also where `localhost` is not a
 * loopback address.
 */
export async function listen(
  server: Server,
  address: Address,
  { option, scheme, backlog = 511, socketMode = 0o600, resolve = addressesOf }: ListenSettings,
): Promise<Listening> {
  const prefix = scheme === undefined ? '' : `${scheme}://`
  try {
    if ('path' in address) {
      await bindUnixSocket(server, address.path, socketMode)
      return listening([server], [addressText(address)])
    }
    const { host, port } = address
    const hosts = isIP(host) === 0 ? await resolve(host) : [host]
    const outside = isLoopback(host) ? hosts.find((found) => !isLoopback(found)) : undefined
    if (outside !== undefined) {
      throw new Error(`${host} is ${outside} here, which is not a loopback address`)
    }
    const servers = await bindAll(server, hosts, port, backlog)
    return listening(
      servers,
      servers.map((bound) => `${prefix}${addressText(boundTo(bound))}`),
    )
  } catch (error) {
    const { address: at } = error as { readonly address?: string }
    const where = 'host' in address && at !== undefined ? { ...address, host: at } : address
    throw new ListenError(option, `${prefix}${addressText(where)}`, error as Error)
  }
}

/** Binds to each host at the same port. */
async function bindAll(
  server: Server,
  hosts: readonly string[],
  port: number,
  backlog: number,
): Promise<Server[]> {
  for (let attempt = 1; ; attempt++) {
    const bound: Server[] = []
    let failure: (Error & { readonly code?: string }) | undefined
    for (const host of hosts) {
      const next = bound.length === 0 ? server : forwarderTo(server)
      const chosen = bound[0] === undefined ? port : boundTo(bound[0]).port
      try {
        await bind(next, { host, port: chosen, backlog })
        bound.push(next)
      } catch (error) {
        failure = error as Error
        if (!UNAVAILABLE.has(failure.code)) {
          break
        }
      }
    }
    if (bound.length > 0 && (failure === undefined || UNAVAILABLE.has(failure.code))) {
      return bound
    }
    await Promise.all(bound.map(close))
    if (port !== 0 || failure?.code !== 'EADDRINUSE' || attempt === MAX_ATTEMPTS) {
      throw failure ?? new Error('the name has no address')
    }
  }
}

/** A server for one more address, which hands its connections to `server`. */
function forwarderTo(server: Server): Server {
  const { allowHalfOpen, noDelay } = server as { allowHalfOpen?: boolean; noDelay?: boolean }
  const forwarder = createServer(
    { ...(allowHalfOpen && { allowHalfOpen }), ...(noDelay && { noDelay }) },
    (socket) => server.emit('connection', socket),
  )
  forwarder.on('listening', () => forwarder.on('error', (error) => server.emit('error', error)))
  return forwarder
}

function listening(servers: readonly Server[], addresses: readonly string[]): Listening {
  return {
    addresses,
    address: addresses.join(','),
    close: async () => void (await Promise.all(servers.map(close))),
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function boundTo(server: Server): TcpAddress {
  const { address: host, port } = server.address() as { address: string; port: number }
  return { host, port }
}

async function addressesOf(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true })
  return [...new Set(found.map(({ address }) => address))]
}
