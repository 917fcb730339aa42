import {
  EraseUserRequest,
  EraseUserResponse,
  ExportUserRequest,
  ExportUserResponse,
} from '#generated/sessiond/v1/admin'
import type { AdminClient } from './admin-client.js'

export interface ErasedCounts {
  readonly sessions: number
  readonly idempotencyKeys: number
}

/** Everything that a server keeps about a user, or an owner by its id in base58: one JSON object each. */
export async function* exportUser(
  admin: AdminClient,
  userId: string,
  signal?: AbortSignal,
): AsyncGenerator<string, void> {
  const types = [ExportUserRequest, ExportUserResponse] as const
  for await (const { json } of admin.stream('ExportUser', ...types, { userId }, signal)) {
    yield json
  }
}

/** Has the server delete all of that. It goes on where the caller stops waiting. */
export async function eraseUser(admin: AdminClient, userId: string): Promise<ErasedCounts> {
  const types = [EraseUserRequest, EraseUserResponse] as const
  const { sessions, idempotencyKeys } = await admin.call('EraseUser', ...types, { userId })
  return { sessions: Number(sessions), idempotencyKeys: Number(idempotencyKeys) }
}
