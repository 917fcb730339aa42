import { type ChannelCredentials, Client, credentials as grpcCredentials } from '@grpc/grpc-js'

/** A connection that calls share. Opened at the first call, and again whenever it was lost. */
export interface Connection {
  readonly client: Client
  readonly serverKeys: readonly Uint8Array[] | 'any'
  readonly epochs: { readonly genesisMs: number; readonly lengthMs: number }
  close(): void
}

export interface ConnectOptions {
  /**
   * Public keys of the servers that may answer, 32 bytes each (`sessiond identity` prints one). More
   * than one while a server changes its key. 'any' takes whoever answers: for a first look only.
   */
  readonly serverKeys: readonly Uint8Array[] | 'any'
  /** Default: no transport security, as on loopback. */
  readonly credentials?: ChannelCredentials
  /** The server's epochs. Default: Unix seconds. */
  readonly epochs?: { readonly genesisMs: number; readonly lengthMs: number }
}

/** Prepares a connection to `HOST:PORT`. */
export function connect(address: string, options: ConnectOptions): Connection {
  const client = new Client(address, options.credentials ?? grpcCredentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    // Ours know what may be repeated, and until when.
    'grpc.enable_retries': 0,
  })
  return {
    client,
    serverKeys: options.serverKeys,
    epochs: options.epochs ?? { genesisMs: 0, lengthMs: 1000 },
    close: () => client.close(),
  }
}
