import { BlockList, isIP, isIPv6 } from 'node:net'
import type { TcpAddress } from '../../net/address.js'
import { isLoopback } from '../../net/loopback.js'

/** Whoever connects to these is connected to this machine. */
const UNSPECIFIED = new BlockList()
UNSPECIFIED.addAddress('0.0.0.0')
UNSPECIFIED.addAddress('::', 'ipv6')

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Whether the way to a server may lead through the proxy that `http_proxy` and the like name. To this machine it
 * never does: whoever has the proxy would read what was meant to stay here.
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
 * The forms of NO_PROXY: `*`; a name, which stands for those below it too, with or without `.` or `*.` before it;
 * an address; a network such as `10.0.0.0/8`; each with or without `:PORT`.
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

/** Whether an address is the other one, or of the network that it stands for. */
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
