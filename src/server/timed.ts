import type { Ed25519 } from '../crypto/ed25519.js'

/** The same function, which tells how long it took. */
export function timed<Args extends unknown[], Result>(
  run: (...args: Args) => Result,
  onTimed: (durationMs: number) => void,
): (...args: Args) => Result {
  return (...args) => {
    const startedAtMs = performance.now()
    const result = run(...args)
    onTimed(performance.now() - startedAtMs)
    return result
  }
}

/** The same Ed25519, which tells how long each signature took. */
export function timedSigning(ed25519: Ed25519, onSigned: (durationMs: number) => void): Ed25519 {
  return {
    ...ed25519,
    signer(seed) {
      const signer = ed25519.signer(seed)
      return { ...signer, sign: timed((message) => signer.sign(message), onSigned) }
    },
  }
}
