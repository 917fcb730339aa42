import { isIPv6 } from 'node:net'

/**
 * What limits count a peer by: its IPv4 address, or the first 64 bits of its IPv6 address, since one owner has all
 * addresses that begin with these.
 */
export function peerAddress(remoteAddress: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress) ?? []
  if (mapped !== undefined) {
    return mapped
  }
  if (!isIPv6(remoteAddress)) {
    return remoteAddress
  }
  const [head = '', tail] = remoteAddress.split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing =
    tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(tail ?? '').split(':')]
  return `${all.slice(0, 4).join(':')}::/64`
}
