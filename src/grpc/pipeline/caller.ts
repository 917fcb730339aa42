import type { Caller } from '../../core/operators/audit.js'
import { bracketedPeer } from '../../net/address.js'

/** What proved the right to make a call, for as long as the call lives; null: none was wanted. */
const proofs = new WeakMap<object, string | null>()

export function rememberProof(call: object, proof: string | null): void {
  proofs.set(call, proof)
}

/** Whether the call was let in as an operator's. */
export function isAdmitted(call: object): boolean {
  return proofs.has(call)
}

/** Who makes a call. Without a proof none was wanted, which is so on this machine alone. */
export function callerOf(call: { getPeer(): string }): Caller {
  const address = bracketedPeer(call.getPeer())
  const open = address.startsWith('unix:') ? 'gRPC on a Unix socket' : 'gRPC on loopback'
  return { name: proofs.get(call) ?? open, address }
}
