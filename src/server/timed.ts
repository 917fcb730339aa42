import type { Signer } from '../crypto/ed25519.js'

/** The same function, which tells how long it took. */
export function timed<Args extends unknown[], Result>(
  run: (...args: Args) => Result,
  onTimed: (durationMs: number) => void,
): (...args: Args) => Result {
  return (...args) => {
    const startMs = performance.now()
    const result = run(...args)
    onTimed(performance.now() - startMs)
    return result
  }
}

/** Who signs now, timed: the same one while it is the same, since what recurs is signed once for each. */
export function timedSigner(
  current: () => Signer,
  onSigned: (durationMs: number) => void,
): () => Signer {
  let signer: Signer | undefined
  let asTimed: Signer | undefined
  return () => {
    const now = current()
    if (asTimed === undefined || now !== signer) {
      signer = now
      asTimed = {
        publicKey: now.publicKey,
        sign: timed((message) => now.sign(message), onSigned),
      }
    }
    return asTimed
  }
}
