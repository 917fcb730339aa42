import { AdminClient, connect } from '../client/index.js'
import type { ServerFlags } from './sessions-server.js'

/** Runs `use` with the admin service of the server, and closes the connection. */
export async function withAdmin(
  { server }: ServerFlags,
  use: (admin: AdminClient) => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  // Its answers are not signed, so there is no key to compare with.
  const connection = connect(server, { serverKeys: 'any' })
  try {
    await use(new AdminClient(connection, deadlineMs))
  } finally {
    connection.close()
  }
}
