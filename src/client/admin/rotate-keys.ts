import {
  ResealRequest,
  ResealResponse,
  RotateIdentityRequest,
  RotateIdentityResponse,
  RotateSealingKeyRequest,
  RotateSealingKeyResponse,
} from '#generated/sessiond/v1/admin'
import type { AdminClient } from './admin-client.js'

export interface ResealProgress {
  /** Seals looked at so far. */
  readonly checked: number
  /** Those that were sealed again. */
  readonly resealed: number
  /** Those that did not open and were left as they are. */
  readonly failed: number
  /** The sessions of those, since the progress told before. */
  readonly newlyFailedIds: readonly string[]
  /** Roughly; it may be overtaken. */
  readonly total: number
}

/** Ed25519, 32 bytes each. */
export interface IdentityChange {
  /** Signs answers from now on. */
  readonly identity: Uint8Array
  /** Will sign them; null where none is announced. */
  readonly nextIdentity: Uint8Array | null
}

/** Has the server seal with a new key from now on. Returns its id. */
export async function rotateSealingKey(admin: AdminClient): Promise<string> {
  const types = [RotateSealingKeyRequest, RotateSealingKeyResponse] as const
  return (await admin.call('RotateSealingKey', ...types, {})).sealingKey
}

/** Has the server seal again what older keys sealed; tells how far it is. Breaking off stops it there. */
export async function* reseal(
  admin: AdminClient,
  signal?: AbortSignal,
): AsyncGenerator<ResealProgress, void> {
  for await (const step of admin.stream('Reseal', ResealRequest, ResealResponse, {}, signal)) {
    yield {
      checked: Number(step.checked),
      resealed: Number(step.resealed),
      failed: Number(step.failed),
      newlyFailedIds: step.failedSessionIds,
      total: Number(step.total),
    }
  }
}

/** Has the server announce a next identity beside its own, or sign with the announced one from now on. */
export async function rotateIdentity(
  admin: AdminClient,
  change: 'announce' | 'activate',
): Promise<IdentityChange> {
  const types = [RotateIdentityRequest, RotateIdentityResponse] as const
  const request = { activate: change === 'activate' }
  const { identity, nextIdentity } = await admin.call('RotateIdentity', ...types, request)
  return {
    identity: Uint8Array.from(identity),
    nextIdentity: nextIdentity.length === 0 ? null : Uint8Array.from(nextIdentity),
  }
}
