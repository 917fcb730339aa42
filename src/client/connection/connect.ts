import { createSecureContext } from 'node:tls'
import { Client, credentials, InterceptingCall, type Interceptor } from '@grpc/grpc-js'
import { certificateChain, trustedCertificates } from '../../crypto/certificates.js'
import { privateKeyOfTls } from '../../crypto/private-key.js'
import { readTcpAddress, readUnixAddress, type TcpAddress } from '../../net/address.js'
import { isLoopback } from '../../net/loopback.js'
import { isToken } from '../../net/token.js'
import { UnprotectedTokenError } from '../errors.js'
import { mayUseProxy } from './proxy.js'
import { TlsCredentials } from './tls-credentials.js'

/** A connection that calls share. Opened at the first call, and again whenever it was lost. */
export interface Connection {
  /** `HOST:PORT` or `unix:PATH` */
  readonly address: string
  readonly client: Client
  readonly serverKeys: readonly Uint8Array[] | 'any'
  readonly epochs: { readonly genesisMs: number; readonly lengthMs: number }
  close(): void
}

/** How the server proves who it is, and the client, all PEM. TLS 1.2 or later. */
export interface TlsOptions {
  /** Authorities that are trusted. Default: those that Node knows. */
  readonly ca?: string | Uint8Array
  /** A client certificate, which is an admin credential where the server takes it, and its key. */
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** The name that the server's certificate must be of. Default: the address's. */
  readonly serverName?: string
}

export interface ConnectOptions {
  /**
   * Public keys of the servers that may answer, 32 bytes each (`sessiond identity` prints one). More
   * than one while a server changes its key. 'any' takes whoever answers: for a first look only.
   */
  readonly serverKeys: readonly Uint8Array[] | 'any'
  /** `true` is TLS with the defaults. Default: none, as on loopback. */
  readonly tls?: true | TlsOptions
  /** Goes with every call: what a server that has one wants of operators. */
  readonly adminToken?: string
  /**
   * Sends the token also to another machine without TLS, where a proxy here or a mesh protects the way. It does not
   * go to the proxy that `http_proxy` names.
   */
  readonly plaintext?: boolean
  /** The server's epochs. Default: Unix seconds. */
  readonly epochs?: { readonly genesisMs: number; readonly lengthMs: number }
}

/** A server that comes back is found again this soon; grpc-js would wait up to two minutes. */
const MAX_RECONNECT_BACKOFF_MS = 1_000
const KEEPALIVE_TIME_MS = 30_000
const KEEPALIVE_TIMEOUT_MS = 10_000
/** A page of 100 sessions, each with as much data as Seneca's wire takes. The default is 4 MiB. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

/**
 * Prepares a connection to `HOST:PORT`, or to a Unix socket, `unix:PATH`. Throws UnprotectedTokenError,
 * InputFileError, TypeError. `http_proxy`, `https_proxy` and `grpc_proxy` are heeded, but not on the way to this
 * machine, nor for a token without TLS.
 */
export function connect(address: string, options: ConnectOptions): Connection {
  const { tls, adminToken, plaintext = false, epochs = { genesisMs: 0, lengthMs: 1000 } } = options
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
    epochs,
    close: () => client.close(),
  }
}

/** Programs without types find out before a session was opened for nothing. */
function checkServerKeys(keys: unknown): void {
  const isList = Array.isArray(keys) && keys.every((key) => key instanceof Uint8Array)
  if (keys !== 'any' && !isList) {
    throw new TypeError(
      "serverKeys must be the servers' public keys as bytes (publicKeyFromText reads one), or 'any'",
    )
  }
}

/** grpc-js would quote a token that no header can carry, such as one with the line end of its file. */
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
  return new TlsCredentials(context, serverName)
}

function pemOf(pem: string | Uint8Array): string {
  return Buffer.from(pem as string).toString()
}

/** Of whom the certificate must be. A socket stands for this machine. */
function hostOf(address: string): string {
  return readUnixAddress(address) === null ? serverOf(address).host : 'localhost'
}

const GRPC_PORT = 443

/** Of a name as gRPC has them: `dns:HOST:PORT` and `HOST` are some, too. What is none has no certificate either. */
function serverOf(name: string): TcpAddress {
  const [, bracketed, plain, port] =
    /^(?:dns:(?:\/\/[^/]*\/)?)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(name) ?? []
  return { host: bracketed ?? plain ?? name, port: Number(port ?? GRPC_PORT) }
}

function withToken(token: string): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('authorization', `Bearer ${token}`)
        next(metadata, listener)
      },
    })
}

/** Whether only this machine is on the way to an address. */
export function isOnThisMachine(address: string): boolean {
  return readUnixAddress(address) !== null || isLoopback(readTcpAddress(address)?.host ?? '')
}
