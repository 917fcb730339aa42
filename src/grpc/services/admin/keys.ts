import type { UntypedServiceImplementation } from '@grpc/grpc-js'
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
import { audited, auditedStream } from '../../pipeline/audited.js'
import { type AdminCall, type AdminMethodPorts, streamMethod, unaryMethod } from './method.js'

/** The key that signs answers, and the one that is to follow it. */
export interface IdentityKeys {
  readonly current: Signer
  readonly next: Signer | null
}

export interface AdminKeysPorts {
  /** Both throw KeyChangeError. */
  readonly identity: IdentityKeys & { announce(): Promise<void>; activate(): Promise<void> }
  /** Seals with a new key from now on; returns its id. Throws KeyChangeError. */
  rotateSealingKey(): Promise<string>
  /** Seals again, with the current key, what older keys sealed. */
  resealAll(): AsyncIterable<ResealProgress>
}

/** Changes of the keys that seal and sign. */
export function keysMethods(
  ports: AdminMethodPorts & AdminKeysPorts,
): UntypedServiceImplementation {
  const { identity } = ports

  async function* reseal(call: AdminCall): AsyncGenerator<ResealResponse> {
    let latest = { checked: 0, resealed: 0, failed: 0 }
    const factsSoFar = () => {
      const { checked, resealed, failed } = latest
      return { checked, resealed, failed }
    }
    const steps = auditedStream(ports, call, 'reseal', ports.resealAll(), factsSoFar)
    for await (const step of steps) {
      latest = step
      yield {
        checked: BigInt(step.checked),
        resealed: BigInt(step.resealed),
        failed: BigInt(step.failed),
        total: BigInt(step.total),
        failedSessionIds: [...step.newlyFailedIds],
      }
    }
  }

  return {
    RotateSealingKey: unaryMethod(
      RotateSealingKeyRequest,
      RotateSealingKeyResponse,
      (_, call) =>
        audited(ports, call, 'rotate-keys', {}, async () => {
          const sealingKey = await ports.rotateSealingKey()
          return { response: { sealingKey }, facts: { sealing_key: sealingKey } }
        }),
      ports,
    ),
    Reseal: streamMethod(ResealRequest, ResealResponse, (_, call) => reseal(call), ports),
    RotateIdentity: unaryMethod(
      RotateIdentityRequest,
      RotateIdentityResponse,
      ({ activate }, call) =>
        audited(ports, call, 'rotate-identity', { activate }, async () => {
          await (activate ? identity.activate() : identity.announce())
          const { current, next } = identity
          const nextIdentity = next?.publicKey ?? new Uint8Array()
          return {
            response: { identity: current.publicKey, nextIdentity },
            facts: { identity: hex(current.publicKey), next_identity: hex(nextIdentity) },
          }
        }),
      ports,
    ),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
