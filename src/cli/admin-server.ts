import { AdminClient, connect } from '../client/index.js'
import { SessiondError } from '../core/errors.js'
import { readConnectionFlags } from './connection.js'
import type { ServerFlags } from './sessions-server.js'

/** The operator stopped the command. */
class InterruptedError extends SessiondError {
  readonly code = 'INTERRUPTED'
}

/** Runs `use` with a connection to the server, and closes it. SIGINT and SIGTERM abort its calls and the signal. */
export async function withAdmin(
  flags: ServerFlags,
  use: (admin: AdminClient, signal: AbortSignal) => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  const stopping = new AbortController()
  const stop = (signal: NodeJS.Signals) =>
    stopping.abort(new InterruptedError(`ended by ${signal}`))
  const connection = connect(flags.server, { serverKeys: 'any', ...readConnectionFlags(flags) })
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    await use(new AdminClient(connection, deadlineMs, stopping.signal), stopping.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    connection.close()
  }
}
