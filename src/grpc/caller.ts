import type { Caller } from '../core/audit.js'

/** What proved the right to make a call, for as long as the call lives. */
const proofs = new WeakMap<object, string>()

export function rememberProof(call: object, proof: string): void {
  proofs.set(call, proof)
}

/** Who makes a call. Without a proof none was wanted, which is so on loopback alone. */
export function callerOf(call: { getPeer(): string }): Caller {
  return { name: proofs.get(call) ?? 'gRPC on loopback', address: call.getPeer() }
}
