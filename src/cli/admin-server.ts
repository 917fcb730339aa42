import { AdminClient } from '../client/index.js'
import { interruptible } from './interruptible.js'
import { connectAsOperator } from './server-connection.js'
import type { ServerFlags } from './sessions-server.js'

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
