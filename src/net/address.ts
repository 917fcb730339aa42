/** A port of a host, which is an address without brackets or a name. */
export interface TcpAddress {
  readonly host: string
  /** 0, of a listener: the system chooses. */
  readonly port: number
}

/** A Unix socket. */
export interface UnixAddress {
  readonly path: string
}

export type Address = TcpAddress | UnixAddress

/** `HOST:PORT`, an IPv6 host in brackets. null: it is none. */
export function readTcpAddress(text: string): TcpAddress | null {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  return host === undefined || Number(port) > 65_535 ? null : { host, port: Number(port) }
}

/** `unix:PATH` or `unix:///PATH`, as in gRPC's names of servers. null: it is neither. */
export function readUnixAddress(text: string): UnixAddress | null {
  const [, path] = /^unix:(?:\/\/(?=\/))?((?!\/\/).+)$/.exec(text) ?? []
  return path === undefined ? null : { path }
}

/** `HOST:PORT`, an IPv6 host in brackets, or `unix:PATH`. */
export function addressText(address: Address): string {
  return 'path' in address ? `unix:${address.path}` : `${bracketed(address.host)}:${address.port}`
}

/** An IPv6 address as it stands before a port. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Where a peer is, bracketed, of what grpc-js says of it: `::1:80` is `[::1]:80`. */
export function bracketedPeer(peer: string): string {
  const colon = peer.lastIndexOf(':')
  return colon > peer.indexOf(':') ? `[${peer.slice(0, colon)}]${peer.slice(colon)}` : peer
}

/** Whom a socket is connected to, `HOST:PORT`. */
export function peerText({
  remoteAddress = '',
  remotePort = 0,
}: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}): string {
  return `${bracketed(remoteAddress)}:${remotePort}`
}
