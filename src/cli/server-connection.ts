import { Option } from 'commander'
import { isOnThisMachine } from '../client/connection/connect.js'
import {
  AdminClient,
  type Connection,
  type ConnectOptions,
  connect,
  SessionsClient,
} from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { variableOf } from '../config/option.js'
import { grpcAddress } from '../config/values.js'
import { readCertificates, readKeyPair } from '../credentials/tls.js'
import { readTokenFile } from '../credentials/token-file.js'
import { parseFlag } from './flags.js'
import { interruptible } from './signals.js'

/** The server's own variable, so that commands on the server's machine find its token. */
const TOKEN_FILE_VARIABLE = variableOf('admin-token-file')

/** The options of every command that connects to a server over TLS. */
export const tlsOptions = () => [
  new Option('--tls', 'use TLS (implied by the other --tls options)'),
  new Option('--tls-ca <FILE>', "CA certificates to trust, PEM (default: Node's own)"),
]

export const plaintextOption = () =>
  new Option(
    '--plaintext',
    'allow sending the token without TLS to another machine: for a proxy on this machine or a mesh that encrypts',
  )

/** The options of every command that calls a server. */
export const connectionOptions = () => [
  ...tlsOptions(),
  new Option(
    '--tls-cert <FILE>',
    'client certificate, PEM, for a server that takes one as the admin credential',
  ),
  new Option('--tls-key <FILE>', 'private key of the client certificate, PEM'),
  new Option(
    '--admin-token-file <FILE>',
    `file with the server's admin token (default, for a server on this machine: ${TOKEN_FILE_VARIABLE})`,
  ),
  plaintextOption(),
]

export interface TlsFlags {
  readonly tls?: boolean
  readonly tlsCa?: string
}

export interface ConnectionFlags extends TlsFlags {
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly adminTokenFile?: string
  readonly plaintext?: boolean
}

/** Reads the values of `connectionOptions`. Throws ConfigError, InputFileError. */
export function readConnectionFlags(
  flags: ConnectionFlags,
): Pick<ConnectOptions, 'tls' | 'adminToken' | 'plaintext'> {
  const { tls, tlsCa, tlsCert, tlsKey, adminTokenFile, plaintext } = flags
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new ConfigError(['--tls-cert and --tls-key: give both or neither'])
  }
  const files = {
    ...(tlsCa !== undefined && { ca: readCertificates(tlsCa) }),
    ...(tlsCert !== undefined && tlsKey !== undefined && readKeyPair(tlsCert, tlsKey)),
  }
  return {
    ...((tls || Object.keys(files).length > 0) && { tls: files }),
    ...(adminTokenFile !== undefined && { adminToken: readTokenFile(adminTokenFile) }),
    ...(plaintext !== undefined && { plaintext }),
  }
}

/** The options of every command that operators run against a server. */
export const serverOptions = () => [
  new Option('--server <ADDRESS>', 'server address: HOST:PORT or unix:PATH').default(
    '127.0.0.1:8090',
  ),
  ...connectionOptions(),
  new Option('--json', 'print JSON'),
]

export interface ServerFlags extends ConnectionFlags {
  readonly server: string
  readonly json?: boolean
}

/** Runs `use` with a connection to the server, and closes it. */
export async function withSessions(
  flags: ServerFlags,
  use: (sessions: SessionsClient) => Promise<void>,
): Promise<void> {
  // Answers to sessions commands are not signed, so there is no key to check.
  const connection = connectAsOperator(flags)
  try {
    await use(new SessionsClient(connection))
  } finally {
    connection.close()
  }
}

/** Runs `use` with a connection to the server, and closes it. SIGINT and SIGTERM abort its calls and the signal. */
export async function withAdmin(
  flags: ServerFlags,
  use: (admin: AdminClient, signal: AbortSignal) => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  const connection = connectAsOperator(flags)
  try {
    await interruptible((signal) => use(new AdminClient(connection, deadlineMs, signal), signal))
  } finally {
    connection.close()
  }
}

/**
 * Connects as an operator. For a server on this machine, the server's own variable is the default of
 * `--admin-token-file`. Throws ConfigError, InputFileError, UnprotectedTokenError.
 */
function connectAsOperator(flags: ServerFlags): Connection {
  const fromVariable = isOnThisMachine(flags.server) ? process.env[TOKEN_FILE_VARIABLE] : undefined
  const { adminTokenFile = fromVariable } = flags
  return connectByFlags({ ...flags, ...(adminTokenFile !== undefined && { adminTokenFile }) })
}

/** Prepares a connection to the address of `--server`. Throws ConfigError, InputFileError, UnprotectedTokenError. */
export function connectByFlags(
  flags: ConnectionFlags & { readonly server: string },
  options: Pick<ConnectOptions, 'serverKeys' | 'epochs'> = { serverKeys: 'any' },
): Connection {
  const mistakes: string[] = []
  // grpc-js would guess a missing port, and look up what is not a host name.
  parseFlag('--server', flags.server, grpcAddress, mistakes)
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return connect(flags.server, { ...options, ...readConnectionFlags(flags) })
}
