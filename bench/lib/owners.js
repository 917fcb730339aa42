import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { ownerIdOf, publicKeyOf } from '../../dist/client/index.js'
import { sodiumEd25519 } from '../../dist/crypto/sodium.js'

const SEED_BYTES = 32

/** A new owner's id, and the signer of its key. */
export function newOwner() {
  const signer = sodiumEd25519.signer(randomBytes(SEED_BYTES))
  return { id: signer.publicKey, signer }
}

/** The same with P-256: OpenSSL signs, with random nonces. */
export function newP256Owner() {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const secret = Buffer.from(key.export({ format: 'jwk' }).d, 'base64url')
  /** @type {import('../../dist/client/index.js').PrivateKey} */
  const owner = { type: 'p256', secret }
  return {
    id: ownerIdOf(owner),
    signer: {
      publicKey: publicKeyOf(owner),
      /** @param {Uint8Array} message */
      sign: (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }),
    },
  }
}
