import { hex } from '@scure/base'
import {
  ResealRequest,
  ResealResponse,
  RotateIdentityRequest,
  RotateIdentityResponse,
  RotateSealingKeyRequest,
  RotateSealingKeyResponse,
} from '#generated/sessiond/v1/admin'
import type { ResealProgress } from '../../../core/upkeep/reseal.js'
import type { Signer } from '../../../crypto/ed25519.js'
import { type Methods, stream, unary } from '../../pipeline/method.js'

/** The key that signs answers, and its announced successor. */
export interface IdentityKeys {
  readonly current: Signer
  readonly next: Signer | null
}

export interface AdminKeysPorts {
  /** Both throw KeyChangeError. */
  readonly identity: IdentityKeys & { announce(): Promise<void>; activate(): Promise<void> }
  /** Switches to a new sealing key and returns its id. Throws KeyChangeError. */
  rotateSealingKey(): Promise<string>
  /** Reseals with the current key what older keys sealed. */
  resealAll(signal: AbortSignal): AsyncIterable<ResealProgress>
}

/** Changes the keys that seal and sign. */
export function keysMethods({ identity, rotateSealingKey, resealAll }: AdminKeysPorts): Methods {
  return {
    RotateSealingKey: unary({
      request: RotateSealingKeyRequest,
      response: RotateSealingKeyResponse,
      audit: 'rotate-keys',
      async handle(_, call) {
        const sealingKey = await rotateSealingKey()
        call.note({ sealingKey })
        return { sealingKey }
      },
    }),
    Reseal: stream({
      request: ResealRequest,
      response: ResealResponse,
      audit: 'reseal',
      async *handle(_, call) {
        call.note({ checked: 0, resealed: 0, failed: 0 })
        for await (const step of resealAll(call.signal)) {
          const { checked, resealed, failed, total, newlyFailedIds } = step
          call.note({ checked, resealed, failed })
          yield {
            checked: BigInt(checked),
            resealed: BigInt(resealed),
            failed: BigInt(failed),
            total: BigInt(total),
            failedSessionIds: [...newlyFailedIds],
          }
        }
      },
    }),
    RotateIdentity: unary({
      request: RotateIdentityRequest,
      response: RotateIdentityResponse,
      audit: 'rotate-identity',
      async handle({ activate }, call) {
        call.note({ activate })
        await (activate ? identity.activate() : identity.announce())
        const { current, next } = identity
        const nextIdentity = next?.publicKey ?? new Uint8Array()
        call.note({
          identity: hex.encode(current.publicKey),
          nextIdentity: hex.encode(nextIdentity),
        })
        return { identity: current.publicKey, nextIdentity }
      },
    }),
  }
}
