import { Option } from 'commander'
import { type CallOptions, type Connection, signerOf, TokensClient } from '../../client/index.js'
import { ConfigError } from '../../config/config.js'
import { durationMs } from '../../config/values.js'
import {
  type ConnectionFlags,
  connectByFlags,
  connectionOptions,
  serverOption,
} from '../connection/server-connection.js'
import {
  type EpochFlags,
  epochOptions,
  parseFlag,
  parseServerKeys,
  readEpochFlags,
  readPrivateKey,
  serverKeyOption,
} from '../flags.js'
import { interruptible } from '../signals.js'

/** The options of the `token` commands that ask a server, but for `--json`. `who`: whose key may ask. */
export const tokensServerOptions = (who: string) => [
  new Option(
    '--key <FILE>',
    `the private key that asks, ${who}: PEM, OpenSSH's format or a JSON Web Key`,
  ).default('owner.key'),
  ...epochOptions(),
  ...serverCallOptions(),
]

/** Those of them that say which server, and how. */
export const serverCallOptions = () => [
  serverOption('server address: HOST:PORT or unix:PATH').default('127.0.0.1:8090'),
  serverKeyOption(
    "the server's public key (hex); several while the server changes keys (default: trust any key)",
  ),
  ...connectionOptions(),
  new Option('--deadline <DURATION>', 'time limit for each call, retries included').default('10s'),
]

export interface TokensServerFlags extends ConnectionFlags, EpochFlags {
  readonly server: string
  readonly serverKey?: string[]
  readonly deadline: string
  readonly key: string
  readonly json?: boolean
}

export interface AskedServer {
  readonly tokens: TokensClient
  /** For each call. */
  readonly options: CallOptions
  readonly connection: Connection
}

/**
 * Runs `use` with a client that signs with `--key`, and closes its connection. SIGINT and SIGTERM end its calls. Throws
 * ConfigError with the caller's mistakes and its own, InputFileError, and as `TokensClient` does.
 */
export async function withTokens(
  flags: TokensServerFlags,
  mistakes: string[],
  use: (asked: AskedServer) => Promise<void>,
): Promise<void> {
  const deadlineMs = parseFlag('--deadline', flags.deadline, durationMs, mistakes)
  const serverKeys = parseServerKeys(flags.serverKey, mistakes)
  const epochs = readEpochFlags(flags, mistakes)
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  const key = await readPrivateKey(flags.key, '`sessiond keygen` makes a key')
  const connection = connectByFlags(flags, { serverKeys, epochs })
  try {
    await interruptible((signal) =>
      use({
        tokens: new TokensClient(connection, signerOf(key)),
        options: { deadlineMs, signal },
        connection,
      }),
    )
    if (serverKeys === 'any') {
      console.error(
        "The server's key was not checked: pin the one that `sessiond identity` prints with --server-key",
      )
    }
  } finally {
    connection.close()
  }
}
