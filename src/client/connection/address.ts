import { isIPv6 } from 'node:net'
import { readTcpAddress, readUnixAddress, type TcpAddress } from '../../net/address.js'
import { isLoopback } from '../../net/loopback.js'

const DNS = /^dns:(?:\/\/[^/]*\/)?/
const SCHEME = /^([a-z][a-z\d+.-]*):\/\//i
/** What cannot stand in a host: it belongs to a URL, or is a typing error. */
const NO_HOST = /[\s/?#@\\]/

/**
 * Host and port of a server, as gRPC names it: `HOST:PORT` or `dns:HOST:PORT`. null for a Unix socket. Throws TypeError for
 * any other text: grpc-js would guess a missing port, and look up what is no host.
 */
export function serverOf(address: unknown): TcpAddress | null {
  if (typeof address !== 'string') {
    throw new TypeError('the address of a server must be text: HOST:PORT or unix:PATH')
  }
  if (readUnixAddress(address) !== null) {
    return null
  }
  const tcp = readTcpAddress(address.replace(DNS, ''))
  const isHost = tcp !== null && !NO_HOST.test(tcp.host) && isHostOrIpv6(address, tcp.host)
  if (!isHost || tcp.port === 0) {
    throw new TypeError(
      `${JSON.stringify(address)} is not the address of a server: ${advice(address)}`,
    )
  }
  return tcp
}

/** Brackets are for IPv6 alone. */
function isHostOrIpv6(address: string, host: string): boolean {
  return !address.includes('[') || isIPv6(host.replace(/%.*$/, ''))
}

function advice(address: string): string {
  const [, scheme = ''] = SCHEME.exec(address) ?? []
  if (scheme !== '' && scheme !== 'dns' && scheme !== 'unix') {
    const tls = scheme === 'https' ? ', and ask for TLS with `tls: true`' : ''
    return `leave out ${scheme}://${tls}`
  }
  if (isIPv6(address)) {
    return `write [${address}]:PORT`
  }
  return 'expected HOST:PORT, such as 127.0.0.1:8090, or unix:PATH'
}

/** Whether calls to this address stay on this machine. */
export function isOnThisMachine(address: string): boolean {
  return readUnixAddress(address) !== null || isLoopback(readTcpAddress(address)?.host ?? '')
}
