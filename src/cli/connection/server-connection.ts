import { Option } from 'commander'
import { isOnThisMachine } from '../../client/connection/address.js'
import {
  AdminClient,
  type Connection,
  type ConnectOptions,
  connect,
  SessionsClient,
} from '../../client/index.js'
import { JSON_TEXT } from '../../client/sessions/json-form.js'
import { ConfigError } from '../../config/config.js'
import { grpcAddress, yesOrNo } from '../../config/values.js'
import { readCertificates, readKeyPair } from '../../credentials/tls.js'
import { readTokenFile } from '../../credentials/token-file.js'
import { parseFlag } from '../flags.js'
import { interruptible } from '../signals.js'
import { CLIENT_VARIABLES, nameOf } from './client-variables.js'

/** The options of every command that connects to a server over TLS. */
export const tlsOptions = () => [
  new Option(
    '--tls',
    `use TLS (implied by the other --tls options; env: ${CLIENT_VARIABLES.tls}=yes)`,
  ),
  new Option('--tls-ca <FILE>', "CA certificates to trust, PEM (default: Node's own)").env(
    CLIENT_VARIABLES.tlsCa,
  ),
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
  ).env(CLIENT_VARIABLES.tlsCert),
  new Option('--tls-key <FILE>', 'private key of the client certificate, PEM').env(
    CLIENT_VARIABLES.tlsKey,
  ),
  new Option(
    '--admin-token-file <FILE>',
    "file with the server's admin token (env, for a server on this machine or the one that " +
      `${CLIENT_VARIABLES.server} names: ${CLIENT_VARIABLES.adminTokenFile})`,
  ),
  plaintextOption(),
]

export interface TlsFlags {
  readonly tls?: boolean
  readonly tlsCa?: string
}

/** Whether these options, or the variable, ask for TLS. Throws ConfigError. */
export function usesTls({ tls, tlsCa }: TlsFlags): boolean {
  const mistakes: string[] = []
  const variable = process.env[CLIENT_VARIABLES.tls] ?? 'no'
  const byVariable = parseFlag(CLIENT_VARIABLES.tls, variable, yesOrNo, mistakes)
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return tls || tlsCa !== undefined || byVariable
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
  const { tlsCa, tlsCert, tlsKey, adminTokenFile, plaintext } = flags
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new ConfigError([
      `--tls-cert and --tls-key (${CLIENT_VARIABLES.tlsCert} and ${CLIENT_VARIABLES.tlsKey}): give both or neither`,
    ])
  }
  const files = {
    ...(tlsCa !== undefined && { ca: readCertificates(tlsCa) }),
    ...(tlsCert !== undefined && tlsKey !== undefined && readKeyPair(tlsCert, tlsKey)),
  }
  return {
    ...((usesTls(flags) || tlsCert !== undefined) && { tls: files }),
    ...(adminTokenFile !== undefined && { adminToken: readTokenFile(adminTokenFile) }),
    ...(plaintext !== undefined && { plaintext }),
  }
}

/** The options of every command that operators run against a server. */
export const serverOptions = () => [
  serverOption('server address: HOST:PORT or unix:PATH').default('127.0.0.1:8090'),
  ...connectionOptions(),
  new Option('--json', 'print JSON'),
]

export const serverOption = (description: string) =>
  new Option('--server <ADDRESS>', description).env(CLIENT_VARIABLES.server)

export interface ServerFlags extends ConnectionFlags {
  readonly server: string
  readonly json?: boolean
}

/** Runs `use` with a connection to the server, and closes it. */
export async function withSessions(
  flags: ServerFlags,
  use: (sessions: SessionsClient<string>) => Promise<void>,
): Promise<void> {
  // Answers to sessions commands are not signed, so there is no key to check.
  const connection = connectAsOperator(flags)
  try {
    await use(new SessionsClient(connection, {}, JSON_TEXT))
  } finally {
    connection.close()
  }
}

/** Runs `use` with a connection to the server, and closes it. SIGINT and SIGTERM abort its calls. */
export async function withAdmin(
  flags: ServerFlags,
  use: (admin: AdminClient) => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  const connection = connectAsOperator(flags)
  try {
    await interruptible((signal) => use(new AdminClient(connection, { deadlineMs, signal })))
  } finally {
    connection.close()
  }
}

/** Connects as an operator. Throws ConfigError, InputFileError, UnprotectedTokenError. */
function connectAsOperator(flags: ServerFlags): Connection {
  return connectByFlags(withTokenVariable(flags))
}

/**
 * The variable is the default of `--admin-token-file`. It is the server's own variable, too, so the token is for a server
 * on this machine, or for the one that the same environment names. No other server gets it.
 */
export function withTokenVariable<F extends ConnectionFlags & { readonly server: string }>(
  flags: F,
): F {
  const { server } = flags
  const isMeant = isOnThisMachine(server) || server === process.env[CLIENT_VARIABLES.server]
  const adminTokenFile = isMeant ? process.env[CLIENT_VARIABLES.adminTokenFile] : undefined
  return adminTokenFile === undefined ? flags : { adminTokenFile, ...flags }
}

/** Prepares a connection to the address of `--server`. Throws ConfigError, InputFileError, UnprotectedTokenError. */
export function connectByFlags(
  flags: ConnectionFlags & { readonly server: string },
  options: Pick<ConnectOptions, 'serverKeys' | 'epochs'> = { serverKeys: 'any' },
): Connection {
  const mistakes: string[] = []
  checkServer(flags.server, mistakes)
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return connect(flags.server, { ...options, ...readConnectionFlags(flags) })
}

/** Checks the address of `--server`: grpc-js would guess a missing port, and look up what is not a host name. */
export function checkServer(server: string, mistakes: string[]): void {
  parseFlag(nameOf('--server', CLIENT_VARIABLES.server, server), server, grpcAddress, mistakes)
}
