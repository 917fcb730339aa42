import type { Caller } from '../core/audit.js'

/** Who makes a call. */
export function callerOf(call: { getPeer(): string }): Caller {
  return { name: 'gRPC on loopback', address: call.getPeer() }
}
