import ipaddr from 'ipaddr.js'

/**
 * What limits count a peer by: its IPv4 address, or the first 64 bits of its IPv6 address, since one owner has all
 * addresses that begin with these.
 */
export function peerAddress(remoteAddress: string): string {
  if (!ipaddr.isValid(remoteAddress)) {
    return remoteAddress // A Unix socket's.
  }
  const address = ipaddr.process(remoteAddress)
  return address instanceof ipaddr.IPv4
    ? address.toString()
    : `${address.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(':')}::/64`
}
