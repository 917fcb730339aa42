import {
  EraseUserRequest,
  EraseUserResponse,
  ExportUserRequest,
  ExportUserResponse,
} from '#generated/sessiond/v1/admin'
import type { CallOptions } from '../connection/ask.js'
import type { AdminClient, StreamOptions } from './admin-client.js'

/** How much `eraseUser` deleted. */
export interface ErasedCounts {
  /** Records of sessions, open or ended, with their sealed keys. */
  readonly sessions: number
  /** Idempotency keys of the owner, with the answers that they stand for. */
  readonly idempotencyKeys: number
}

/** How to erase. */
export interface EraseOptions extends CallOptions {
  /** Whether to count only what would be deleted. Default: false. */
  readonly isDry?: boolean
}

/**
 * Everything that the server keeps about a user (an owner: its id in base58). Yields JSON texts, one object each. Stop
 * reading, or abort the signal, to cancel. Throws as `AdminClient` does.
 *
 * @example
 * ```ts
 * import { type AdminClient, exportUser } from 'sessiond/client'
 *
 * export async function print(admin: AdminClient, userId: string): Promise<void> {
 *   for await (const json of exportUser(admin, userId)) {
 *     console.log(json)
 *   }
 * }
 * ```
 */
export async function* exportUser(
  admin: AdminClient,
  userId: string,
  options: StreamOptions = {},
): AsyncGenerator<string, void> {
  const types = [ExportUserRequest, ExportUserResponse] as const
  for await (const { json } of admin.stream('ExportUser', ...types, { userId }, options)) {
    yield json
  }
}

/**
 * Deletes everything that `exportUser` returns. The server finishes even if the caller stops waiting, so after
 * ServerUnavailableError call again: that is safe. Throws as `AdminClient` does.
 *
 * @example
 * ```ts
 * import { type AdminClient, eraseUser } from 'sessiond/client'
 *
 * export async function forget(admin: AdminClient, userId: string): Promise<void> {
 *   const { sessions } = await eraseUser(admin, userId)
 *   console.log(`deleted ${sessions} sessions of ${userId}`)
 * }
 * ```
 */
export async function eraseUser(
  admin: AdminClient,
  userId: string,
  options: EraseOptions = {},
): Promise<ErasedCounts> {
  const types = [EraseUserRequest, EraseUserResponse] as const
  const request = { userId, dryRun: options.isDry ?? false }
  const answer = await admin.call('EraseUser', ...types, request, options)
  const { sessions, idempotencyKeys } = answer
  return { sessions: Number(sessions), idempotencyKeys: Number(idempotencyKeys) }
}
