import { type ChannelCredentials, Client, credentials as grpcCredentials } from '@grpc/grpc-js'

/** A connection that calls share. Opened at the first call, and again whenever it was lost. */
export interface Connection {
  /** `HOST:PORT` */
  readonly address: string
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

/** A server that comes back is found again this soon; grpc-js would wait up to two minutes. */
const MAX_RECONNECT_BACKOFF_MS = 1_000
const KEEPALIVE_TIME_MS = 30_000
const KEEPALIVE_TIMEOUT_MS = 10_000

/** Prepares a connection to `HOST:PORT`. */
export function connect(address: string, options: ConnectOptions): Connection {
  const client = new Client(address, options.credentials ?? grpcCredentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    // Ours know what may be repeated, and until when.
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS / 10,
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS,
    // A peer that is gone without a word would otherwise cost every call its deadline.
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  })
  return {
    address,
    client,
    serverKeys: options.serverKeys,
    epochs: options.epochs ?? { genesisMs: 0, lengthMs: 1000 },
    close: () => client.close(),
  }
}
