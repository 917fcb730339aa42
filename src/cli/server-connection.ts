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

/** The server's variable, so that a command beside it need not be told what the server was. */
const TOKEN_FILE_VARIABLE = variableOf('admin-token-file')

/** The options of every command that connects to a server over TLS. */
export const tlsOptions = () => [
  new Option('--tls', 'connect with TLS; the other --tls options imply it'),
  new Option(
    '--tls-ca <FILE>',
    "certificates of the authorities to trust, PEM (default: Node's own)",
  ),
]

export const plaintextOption = () =>
  new Option(
    '--plaintext',
    'send the token to another machine without TLS, where a proxy here or a mesh protects the way',
  )

/** The options of every command that calls a server. */
export const connectionOptions = () => [
  ...tlsOptions(),
  new Option('--tls-cert <FILE>', 'a client certificate, PEM, where it is the admin credential'),
  new Option('--tls-key <FILE>', 'its private key, PEM'),
  new Option(
    '--admin-token-file <FILE>',
    `a file with the admin token of a server that has one (to a server on this machine, default: what ${TOKEN_FILE_VARIABLE} names)`,
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

/** What `connectionOptions` were given. Throws ConfigError, InputFileError. */
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

/** The options of every command for operators. */
export const serverOptions = () => [
  new Option('--server <ADDRESS>', 'where the server listens: HOST:PORT or unix:PATH').default(
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
  // The sessions commands are not signed, so there is no key to compare with.
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
 * Connects an operator: on this machine the variable of the server's own option stands in for
 * `--admin-token-file`. Throws ConfigError, InputFileError, UnprotectedTokenError.
 */
function connectAsOperator(flags: ServerFlags): Connection {
  const fromVariable = isOnThisMachine(flags.server) ? process.env[TOKEN_FILE_VARIABLE] : undefined
  const { adminTokenFile = fromVariable } = flags
  return connectByFlags({ ...flags, ...(adminTokenFile !== undefined && { adminTokenFile }) })
}

/** Prepares a connection to what `--server` names. Throws ConfigError, InputFileError, UnprotectedTokenError. */
export function connectByFlags(
  flags: ConnectionFlags & { readonly server: string },
  options: Pick<ConnectOptions, 'serverKeys' | 'epochs'> = { serverKeys: 'any' },
): Connection {
  const mistakes: string[] = []
  // grpc-js would guess a port, or ask the resolver for something that is no name.
  parseFlag('--server', flags.server, grpcAddress, mistakes)
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return connect(flags.server, { ...options, ...readConnectionFlags(flags) })
}
