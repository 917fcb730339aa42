import { AdminClient } from '../client/index.js'
import { SessiondError } from '../core/errors.js'
import { connectByFlags } from './connection.js'
import type { ServerFlags } from './sessions-server.js'

/** The operator stopped the command. */
class InterruptedError extends SessiondError {
  readonly code = 'INTERRUPTED'
}

/** Runs `use` with a connection to the server, and closes it. SIGINT and SIGTERM abort the signal. */
export async function withAdmin(
  flags: ServerFlags,
  use: (admin: AdminClient, signal: AbortSignal) => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  const stopping = new AbortController()
  const stop = (signal: NodeJS.Signals) =>
    stopping.abort(new InterruptedError(`ended by ${signal}`))
  const connection = connectByFlags(flags)
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    await use(new AdminClient(connection, deadlineMs), stopping.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    connection.close()
  }
}
