import { SealError } from '../core/errors.js'
import type { SealVerdict, TrySeal } from '../core/upkeep/care.js'
import { openSeal, type SealingKeys, sealKeyId } from '../crypto/seal.js'
import { sodiumEd25519 } from '../crypto/sodium.js'

/** Tries to open seals, with the sealing keys that there are for each. */
export function sealCheck(sealingKeys: (sealed: Uint8Array) => SealingKeys): TrySeal {
  return ({ id, token }, sealed): SealVerdict => {
    let isKeyMissing = false
    try {
      const keys = sealingKeys(sealed)
      if (token === null) {
        throw new SealError('is of a session that has none')
      }
      isKeyMissing = !keys.keys.has(sealKeyId(sealed))
      const seed = openSeal(keys, sealed, id, token)
      const publicKey = sodiumEd25519.publicKey(seed)
      seed.fill(0)
      if (Buffer.compare(publicKey, token.publicKey) !== 0) {
        throw new SealError('is not that of its public key')
      }
      return { opens: true }
    } catch (error) {
      if (!(error instanceof SealError)) {
        throw error
      }
      return { opens: false, reason: error.message, isKeyMissing }
    }
  }
}
