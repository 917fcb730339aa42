import {
  ResealRequest,
  ResealResponse,
  RotateIdentityRequest,
  RotateIdentityResponse,
  RotateSealingKeyRequest,
  RotateSealingKeyResponse,
} from '#generated/sessiond/v1/admin'
import type { CallOptions } from '../connection/ask.js'
import type { AdminClient, StreamOptions } from './admin-client.js'

/** How far `reseal` is. */
export interface ResealProgress {
  /** How many seals were read so far. */
  readonly checked: number
  /** How many of them were sealed again with the current key. */
  readonly resealed: number
  /** How many of them do not open. They stay as they are. */
  readonly failed: number
  /** The ids of sessions whose seal was found not to open since the last progress. */
  readonly newlyFailedIds: readonly string[]
  /** How many seals there are: an estimate, which `checked` may exceed. */
  readonly total: number
}

/** The server's public keys after a change: Ed25519, 32 bytes each. */
export interface IdentityChange {
  /** Signs answers from now on. */
  readonly identity: Uint8Array
  /** Will sign answers once it is activated; null where none is announced. */
  readonly nextIdentity: Uint8Array | null
}

/**
 * Makes the server create a sealing key and use it from now on. Returns the key's id. Older keys still open what they
 * sealed, until `reseal`. Throws as `AdminClient` does.
 *
 * @throws {RefusedError} With code `KEY_NOT_CHANGED`: the key file cannot be written. With code `STORE_UNAVAILABLE`: the new
 * key is in use, but servers that share the store were not told of it; `reseal` tells them.
 *
 * @example
 * ```ts
 * import { type AdminClient, rotateSealingKey } from 'sessiond/client'
 *
 * export async function rotate(admin: AdminClient): Promise<void> {
 *   console.log('the server now seals with', await rotateSealingKey(admin))
 * }
 * ```
 */
export async function rotateSealingKey(
  admin: AdminClient,
  options: CallOptions = {},
): Promise<string> {
  const types = [RotateSealingKeyRequest, RotateSealingKeyResponse] as const
  return (await admin.call('RotateSealingKey', ...types, {}, options)).sealingKey
}

/**
 * Makes the server seal again, with the current key, what older keys sealed. Yields its progress. Stop reading, or
 * abort the signal, to stop the server there; a later call goes on. Throws as `AdminClient` does.
 *
 * @example
 * ```ts
 * import { type AdminClient, reseal } from 'sessiond/client'
 *
 * export async function resealAll(admin: AdminClient): Promise<number> {
 *   let failed = 0
 *   for await (const progress of reseal(admin)) {
 *     failed = progress.failed
 *   }
 *   return failed
 * }
 * ```
 */
export async function* reseal(
  admin: AdminClient,
  options: StreamOptions = {},
): AsyncGenerator<ResealProgress, void> {
  for await (const step of admin.stream('Reseal', ResealRequest, ResealResponse, {}, options)) {
    yield {
      checked: Number(step.checked),
      resealed: Number(step.resealed),
      failed: Number(step.failed),
      newlyFailedIds: step.failedSessionIds,
      total: Number(step.total),
    }
  }
}

/**
 * Changes the server's identity in two steps. 'announce' makes the server publish its next public key, which clients
 * then pin too (`fetchServerKeys`). 'activate' makes it sign with that key from now on.
 *
 * Announcing again returns the key that is announced. Throws as `AdminClient` does.
 *
 * @throws {RefusedError} With code `KEY_NOT_CHANGED`: no key is announced to activate, or a key file cannot be written.
 * With code `STORE_UNAVAILABLE`: the new key signs, but servers that share the store were not told of it; activate again.
 *
 * @example
 * ```ts
 * import { type AdminClient, rotateIdentity } from 'sessiond/client'
 *
 * export async function announce(admin: AdminClient): Promise<string> {
 *   const { nextIdentity } = await rotateIdentity(admin, 'announce')
 *   return Buffer.from(nextIdentity ?? []).toString('hex')
 * }
 * ```
 */
export async function rotateIdentity(
  admin: AdminClient,
  change: 'announce' | 'activate',
  options: CallOptions = {},
): Promise<IdentityChange> {
  const types = [RotateIdentityRequest, RotateIdentityResponse] as const
  const request = { activate: change === 'activate' }
  const answer = await admin.call('RotateIdentity', ...types, request, options)
  const { identity, nextIdentity } = answer
  return {
    identity: Uint8Array.from(identity),
    nextIdentity: nextIdentity.length === 0 ? null : Uint8Array.from(nextIdentity),
  }
}
