import { Option } from 'commander'
import { connect, SessionsClient } from '../client/index.js'
import {
  type ConnectionFlags,
  connectionOptions,
  readConnectionFlags,
  serverOption,
} from './connection.js'

/** The options of every command that asks a server about sessions. */
export const serverOptions = () => [
  serverOption().default('127.0.0.1:8090'),
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
  const connection = connect(flags.server, { serverKeys: 'any', ...readConnectionFlags(flags) })
  try {
    await use(new SessionsClient(connection))
  } finally {
    connection.close()
  }
}
