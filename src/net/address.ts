/** A host, by name or by address without brackets, and a port. */
export interface TcpAddress {
  readonly host: string
  /** 0 lets the system choose the port of a listener. */
  readonly port: number
}

/** A Unix socket. */
export interface UnixAddress {
  readonly path: string
}

export type Address = TcpAddress | UnixAddress

/** Parses `HOST:PORT`, with an IPv6 host in brackets. Returns null for any other text. */
export function readTcpAddress(text: string): TcpAddress | null {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  return host === undefined || Number(port) > 65_535 ? null : { host, port: Number(port) }
}

/** Parses `unix:PATH` or `unix:///PATH`, as gRPC names its servers. Returns null for any other text. */
export function readUnixAddress(text: string): UnixAddress | null {
  const [, path] = /^unix:(?:\/\/(?=\/))?((?!\/\/).+)$/.exec(text) ?? []
  return path === undefined ? null : { path }
}

/** Writes an address as `HOST:PORT`, with an IPv6 host in brackets, or as `unix:PATH`. */
export function addressText(address: Address): string {
  return 'path' in address ? `unix:${address.path}` : `${bracketed(address.host)}:${address.port}`
}

/** Puts an IPv6 address into brackets, for a port to follow. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Adds the brackets that grpc-js leaves out of a peer: `::1:80` becomes `[::1]:80`. */
export function bracketedPeer(peer: string): string {
  const colon = peer.lastIndexOf(':')
  return colon > peer.indexOf(':') ? `[${peer.slice(0, colon)}]${peer.slice(colon)}` : peer
}

/** The peer of a socket, as `HOST:PORT`. */
export function peerText({
  remoteAddress = '',
  remotePort = 0,
}: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}): string {
  return `${bracketed(remoteAddress)}:${remotePort}`
}
