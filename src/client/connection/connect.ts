import { createSecureContext } from 'node:tls'
import { Client, credentials, InterceptingCall, type Interceptor, Metadata } from '@grpc/grpc-js'
import { certificateChain, trustedCertificates } from '../../crypto/certificates.js'
import { privateKeyOfTls } from '../../crypto/private-key.js'
import { readTcpAddress, readUnixAddress, type TcpAddress } from '../../net/address.js'
import { isLoopback } from '../../net/loopback.js'
import { isToken } from '../../net/token.js'
import { UnprotectedTokenError } from '../errors.js'
import { mayUseProxy } from './proxy.js'
import { tlsCredentials } from './tls-credentials.js'

/**
 * A connection to one server, which all calls share. It opens at the first call, and again at the next call after it
 * was lost. `connect` makes one.
 */
export interface Connection {
  /** `HOST:PORT` or `unix:PATH`. */
  readonly address: string
  /** The client of `@grpc/grpc-js`, for calls that this package has no function for. */
  readonly client: Client
  /** The keys that `connect` was given. */
  readonly serverKeys: readonly Uint8Array[] | 'any'
  /** Unix milliseconds of epoch 0, and the length of an epoch in milliseconds. */
  readonly epochs: { readonly genesisAtMs: number; readonly lengthMs: number }
  /** Closes the connection. Calls under way fail, as do later ones. */
  close(): void
}

/** Certificates and keys for TLS 1.2 or later, all in PEM. */
export interface TlsOptions {
  /** Certificates of the authorities to trust. Default: Node's own list. */
  readonly ca?: string | Uint8Array
  /** A client certificate: an admin credential on a server with `--tls-client-ca`. Needs `key`. */
  readonly cert?: string | Uint8Array
  /** The private key of `cert`, unencrypted. */
  readonly key?: string | Uint8Array
  /** The name that the server's certificate must carry. Default: the host of the address. */
  readonly serverName?: string
}

/** How to reach a server, and whom to believe. */
export interface ConnectOptions {
  /**
   * The public keys to pin: Ed25519, 32 bytes each (`sessiond identity` prints one). Give two while a server changes
   * its key. 'any' accepts every server: use it for a first look only.
   */
  readonly serverKeys: readonly Uint8Array[] | 'any'
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
}

/** A server that restarts is found again within this time; grpc-js would wait up to two minutes. */
const MAX_RECONNECT_BACKOFF_MS = 1_000
const KEEPALIVE_TIME_MS = 30_000
const KEEPALIVE_TIMEOUT_MS = 10_000
/** A page of 100 sessions, each with as much data as Seneca's wire takes. The default is 4 MiB. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

/**
 * Prepares a connection to `HOST:PORT`, or to the Unix socket `unix:PATH`. Nothing is sent before the first call.
 *
 * The proxy that `http_proxy`, `https_proxy` or `grpc_proxy` names is used, but never to this machine, and never for
 * a token without TLS.
 *
 * @throws {UnprotectedTokenError} A token would cross the network unencrypted.
 * @throws {SessiondError} With code `INVALID_INPUT_FILE`: a certificate or key in `tls` cannot be read.
 * @throws {TypeError} `serverKeys` or `adminToken` has the wrong form.
 *
 * @example
 * ```ts
 * import { connect, publicKeyFromText } from 'sessiond/client'
 *
 * const key = publicKeyFromText(process.env.SERVER_KEY ?? '', 'SERVER_KEY')
 * const server = connect('sessions.example:8090', { serverKeys: [key], tls: true })
 * // … calls …
 * server.close()
 * ```
 */
export function connect(address: string, options: ConnectOptions): Connection {
  const {
    tls,
    adminToken,
    plaintext = false,
    epochs = { genesisAtMs: 0, lengthMs: 1000 },
  } = options
  checkServerKeys(options.serverKeys)
  checkToken(adminToken)
  const isBare = adminToken !== undefined && tls === undefined
  if (isBare && !plaintext && !isOnThisMachine(address)) {
    throw new UnprotectedTokenError(address)
  }
  const mayBeProxied =
    !isBare && readUnixAddress(address) === null && mayUseProxy(serverOf(address))
  const client = new Client(address, channelCredentials(address, tls), {
    ...(adminToken !== undefined && { interceptors: [withToken(adminToken)] }),
    ...(!mayBeProxied && { 'grpc.enable_http_proxy': 0 }),
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    // createSession retries by itself: it knows what is safe to repeat, and until when.
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS / 10,
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS,
    // Finds a dead peer; otherwise every call would wait for its deadline.
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  })
  if (adminToken !== undefined) {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${adminToken}`)
    tokenMetadata.set(client, metadata)
  }
  return {
    address,
    client,
    serverKeys: options.serverKeys,
    epochs,
    close: () => client.close(),
  }
}

/** Tells programs without types before they open a session that they cannot verify. */
function checkServerKeys(keys: unknown): void {
  const isList = Array.isArray(keys) && keys.every((key) => key instanceof Uint8Array)
  if (keys !== 'any' && !isList) {
    throw new TypeError(
      "serverKeys must be the servers' public keys as bytes (publicKeyFromText reads one), or 'any'",
    )
  }
}

/** Rejects here what no header can carry, such as a line end: grpc-js would quote the token in its error. */
function checkToken(token: string | undefined): void {
  if (token !== undefined && !isToken(token)) {
    throw new TypeError('adminToken must be of ASCII without white space: trim what a file holds')
  }
}

function channelCredentials(address: string, tls: ConnectOptions['tls']) {
  if (tls === undefined) {
    return credentials.createInsecure()
  }
  const { serverName = hostOf(address), ca, cert, key } = tls === true ? {} : tls
  const context = createSecureContext({
    ...(ca !== undefined && { ca: trustedCertificates(pemOf(ca), 'tls.ca') }),
    ...(cert !== undefined && { cert: certificateChain(pemOf(cert), 'tls.cert').join('') }),
    ...(key !== undefined && { key: privateKeyOfTls(pemOf(key), 'tls.key') }),
    minVersion: 'TLSv1.2',
  })
  return tlsCredentials(context, serverName)
}

function pemOf(pem: string | Uint8Array): string {
  return Buffer.from(pem as string).toString()
}

/** The name that the certificate must carry. A Unix socket stands for this machine. */
function hostOf(address: string): string {
  return readUnixAddress(address) === null ? serverOf(address).host : 'localhost'
}

const GRPC_PORT = 443

/** Host and port of a gRPC name: `HOST`, `HOST:PORT` or `dns:HOST:PORT`. Any other text is taken for the host. */
function serverOf(name: string): TcpAddress {
  const [, bracketed, plain, port] =
    /^(?:dns:(?:\/\/[^/]*\/)?)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(name) ?? []
  return { host: bracketed ?? plain ?? name, port: Number(port ?? GRPC_PORT) }
}

/** For calls that somebody else makes with the client. */
function withToken(token: string): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('authorization', `Bearer ${token}`)
        next(metadata, listener)
      },
    })
}

/** By client: what carries its token. No field of the client, because printing it would show the token. */
const tokenMetadata = new WeakMap<Client, Metadata>()
const NO_METADATA = new Metadata()

/** What a call on the client's channel must carry besides `metadata`, and `metadata`. Do not change it. */
export function metadataFor(client: Client, metadata: Metadata = NO_METADATA): Metadata {
  const token = tokenMetadata.get(client)
  if (token === undefined || metadata === NO_METADATA) {
    return token ?? metadata
  }
  const both = token.clone()
  both.merge(metadata)
  return both
}

/** Whether calls to this address stay on this machine. */
export function isOnThisMachine(address: string): boolean {
  return readUnixAddress(address) !== null || isLoopback(readTcpAddress(address)?.host ?? '')
}
