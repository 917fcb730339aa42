import { BlockList, isIP, isIPv6 } from 'node:net'
import type { TcpAddress } from '../../net/address.js'
import { isLoopback } from '../../net/loopback.js'

/** The unspecified addresses: connecting to them reaches this machine. */
const UNSPECIFIED = new BlockList()
UNSPECIFIED.addAddress('0.0.0.0')
UNSPECIFIED.addAddress('::', 'ipv6')

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Whether a connection to this server may use the proxy that `http_proxy` and the like name. Connections to this
 * machine never do: the proxy would see what should not leave it.
 */
export function mayUseProxy(server: TcpAddress, env: Environment = process.env): boolean {
  const { no_grpc_proxy, no_proxy, NO_PROXY } = env
  const exceptions = no_grpc_proxy ?? no_proxy ?? NO_PROXY ?? ''
  const host = server.host.toLowerCase().replace(/\.$/, '')
  return (
    !isLoopback(host) &&
    !UNSPECIFIED.check(host, isIPv6(host) ? 'ipv6' : 'ipv4') &&
    !exceptions.split(/[\s,]+/).some((one) => excepts(one.toLowerCase(), host, server.port))
  )
}

/**
 * Matches one entry of NO_PROXY: `*`; a name, with or without a leading `.` or `*.`, which also matches its
 * subdomains; an address; or a network such as `10.0.0.0/8`. Each may have a `:PORT`.
 */
function excepts(exception: string, host: string, port: number): boolean {
  const [, bracketed, plain, only] =
    /^(?:\[([^\]]+)\]|([^[\]]*?))(?::(\d{1,5}))?$/.exec(
      isIP(exception) ? `[${exception}]` : exception,
    ) ?? []
  const pattern = bracketed ?? plain ?? ''
  if (pattern === '' || (only !== undefined && Number(only) !== port)) {
    return false
  }
  if (isIP(host) !== 0) {
    return pattern === '*' || isWithin(host, pattern)
  }
  const name = pattern.replace(/^\*?\./, '')
  return pattern === '*' || host === name || host.endsWith(`.${name}`)
}

/** Whether two addresses are the same, or the first lies in the network that the second names. */
function isWithin(address: string, pattern: string): boolean {
  const [network = '', length] = pattern.split('/')
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  const bits = Number(length ?? (family === 'ipv6' ? 128 : 32))
  const list = new BlockList()
  try {
    list.addSubnet(network, bits, family)
  } catch {
    return false // A name, or no network at all.
  }
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
