import { Option } from 'commander'
import { SessionsClient } from '../client/index.js'
import { type ConnectionFlags, connectAsOperator, connectionOptions } from './server-connection.js'

/** The options of every command that asks a server about sessions. */
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
