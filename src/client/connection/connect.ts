import { Client, credentials, InterceptingCall, type Interceptor, Metadata } from '@grpc/grpc-js'
import { ED25519_KEY_BYTES } from '../../core/key-lengths.js'
import { publicKeyFromText } from '../../crypto/public-key.js'
import { isToken } from '../../net/token.js'
import { UnprotectedTokenError } from '../errors.js'
import { isOnThisMachine, serverOf } from './address.js'
import { CallsUnderWay, setCallsOf } from './calls-under-way.js'
import { mayUseProxy } from './proxy.js'
import { type TlsOptions, tlsCredentials } from './tls-credentials.js'

/**
 * A connection to one server, which all calls share. It opens at the first call, and again at the next call after it
 * was lost. `connect` makes one.
 */
export interface Connection {
  /** `HOST:PORT` or `unix:PATH`. */
  readonly address: string
  /** The client of `@grpc/grpc-js`, for calls that this package has no function for. */
  readonly client: Client
  /** The keys that `connect` was given: Ed25519, 32 bytes each. */
  readonly serverKeys: readonly Uint8Array[] | 'any'
  /** Unix milliseconds of epoch 0, and the length of an epoch in milliseconds. */
  readonly epochs: { readonly genesisAtMs: number; readonly lengthMs: number }
  /** Closes the connection. Calls under way fail with ConnectionClosedError, as do later ones. */
  close(): void
  /** Closes the connection at the end of a scope: `using server = connect(…)`. */
  [Symbol.dispose](): void
  /** As `[Symbol.dispose]`, for `await using` and `AsyncDisposableStack`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** How to reach a server, and whom to believe. */
export interface ConnectOptions {
  /**
   * The public keys to pin: Ed25519, as 32 bytes, or as a text that `publicKeyFromText` reads (`sessiond identity` prints
   * one). Give two while a server changes its key. 'any' accepts every server: use it for a first look only.
   */
  readonly serverKeys: readonly (Uint8Array | string)[] | 'any'
  /** `true` means TLS with the defaults. Default: no TLS, which suits loopback. */
  readonly tls?: true | TlsOptions
  /** The admin token of the server, sent with every call. ASCII without white space. Default: none. */
  readonly adminToken?: string
  /**
   * Sends the token without TLS even to another machine: for a proxy on this machine or a mesh that encrypts the
   * connection. Such calls bypass the proxy that `http_proxy` names. Default: false.
   */
  readonly plaintext?: boolean
  /**
   * The server's `--epoch-genesis` and `--epoch-length`, in milliseconds. Default: `{ genesisAtMs: 0, lengthMs: 1000 }`,
   * so that epochs are Unix seconds.
   */
  readonly epochs?: { readonly genesisAtMs: number; readonly lengthMs: number }
  /**
   * What each call passes, retries included: interceptors of `@grpc/grpc-js`, the first one outermost. They do not see the
   * admin token. Default: none.
   */
  readonly interceptors?: readonly Interceptor[]
}

/** A server that restarts is found again within this time; grpc-js would wait up to two minutes. */
const MAX_RECONNECT_BACKOFF_MS = 1_000
const KEEPALIVE_TIME_MS = 30_000
const KEEPALIVE_TIMEOUT_MS = 10_000
/** A page of 100 sessions, each with as much data as Seneca's wire takes. The default is 4 MiB. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

const CHANNEL_OPTIONS = {
  'grpc.enable_channelz': 0,
  // Else a new connection fails at once while an earlier one to the same address, even a closed one, waits to try again.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
  // The SDK retries by itself (`ask.ts`): it knows what is safe to repeat, and until when.
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS / 10,
  'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS,
  // Finds a dead peer; otherwise every call would wait for its deadline.
  'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
}

/**
 * Prepares a connection to `HOST:PORT`, or to the Unix socket `unix:PATH`. Nothing is sent before the first call.
 *
 * The proxy that `http_proxy`, `https_proxy` or `grpc_proxy` names is used, but never to this machine, and never for
 * a token without TLS.
 *
 * @throws {UnprotectedTokenError} A token would cross the network unencrypted.
 * @throws {SessiondError} With code `INVALID_INPUT_FILE`: a certificate or key in `tls`, or a text in `serverKeys`, cannot
 * be read.
 * @throws {TypeError} The address, `serverKeys` or `adminToken` has the wrong form.
 *
 * @example
 * ```ts
 * import { connect } from 'sessiond/client'
 *
 * const server = connect('sessions.example:8090', { serverKeys: [process.env.SERVER_KEY ?? ''], tls: true })
 * // … calls …
 * server.close()
 * ```
 */
export function connect(address: string, options: ConnectOptions): Connection {
  const { tls, adminToken, plaintext = false, interceptors = [] } = options
  const server = serverOf(address)
  const serverKeys = readServerKeys(options.serverKeys)
  checkToken(adminToken)
  const isBare = adminToken !== undefined && tls === undefined
  if (isBare && !plaintext && !isOnThisMachine(address)) {
    throw new UnprotectedTokenError(address)
  }
  const mayBeProxied = !isBare && server !== null && mayUseProxy(server)
  const token = adminToken === undefined ? undefined : bearer(adminToken)
  // A Unix socket stands for this machine.
  const channelCredentials =
    tls === undefined
      ? credentials.createInsecure()
      : tlsCredentials(tls === true ? {} : tls, server?.host ?? 'localhost')
  const client = new Client(address, channelCredentials, {
    interceptors: [...interceptors, ...(token === undefined ? [] : [withMetadata(token)])],
    ...(!mayBeProxied && { 'grpc.enable_http_proxy': 0 }),
    ...CHANNEL_OPTIONS,
  })
  const calls = new CallsUnderWay(token, interceptors.length > 0)
  setCallsOf(client, calls)
  const close = () => {
    calls.close(address)
    client.close()
  }
  return {
    address,
    client,
    serverKeys,
    epochs: options.epochs ?? { genesisAtMs: 0, lengthMs: 1000 },
    close,
    [Symbol.dispose]: close,
    [Symbol.asyncDispose]: async () => close(),
  }
}

/** Reads the keys, and tells programs without types before they open a session that they cannot verify. */
function readServerKeys(keys: unknown): Connection['serverKeys'] {
  if (keys === 'any') {
    return keys
  }
  const isList =
    Array.isArray(keys) && keys.every((key) => key instanceof Uint8Array || typeof key === 'string')
  if (!isList) {
    throw new TypeError(
      "serverKeys must be a list of the servers' public keys, as bytes or as text, or 'any'",
    )
  }
  return keys.map((key, i) => {
    const bytes = typeof key === 'string' ? publicKeyFromText(key, `serverKeys[${i}]`) : key
    if (bytes.length !== ED25519_KEY_BYTES) {
      throw new TypeError(
        `serverKeys[${i}] has ${bytes.length} bytes; the public key of a server has ${ED25519_KEY_BYTES}`,
      )
    }
    return bytes
  })
}

/** Rejects here what no header can carry, such as a line end: grpc-js would quote the token in its error. */
function checkToken(token: string | undefined): void {
  if (token !== undefined && !isToken(token)) {
    throw new TypeError('adminToken must be of ASCII without white space: trim what a file holds')
  }
}

function bearer(token: string): Metadata {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  return metadata
}

/** For streams, calls that are intercepted, and those that somebody else makes with the client. */
function withMetadata(added: Metadata): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.merge(added)
        next(metadata, listener)
      },
    })
}
