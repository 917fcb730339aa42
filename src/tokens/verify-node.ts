import { nodeEd25519 } from '../crypto/node-ed25519.js'
import { schemeVerifier } from '../crypto/schemes.js'

/** Verifies all schemes of the protocol by OpenSSL. */
export const verify = schemeVerifier(nodeEd25519)
