import { SessionToken_Body } from '#generated/service/meta'
import type { Signer } from '../../src/crypto/ed25519.js'
import { n3Account } from '../../src/crypto/n3.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import type { TokenUse } from '../../src/tokens/check.js'
import { encodeToken } from '../../src/tokens/token.js'
import { alice, carol } from './envelope.js'

export const SESSION_ID = '5d0f2c1e-7a52-4d0e-9a53-0b8c1f9a7e11'
const ID = Buffer.from(SESSION_ID.replaceAll('-', ''), 'hex')
export const CONTAINER = Buffer.alloc(32, 0xc0)
export const OBJECT = Buffer.alloc(32, 0x0b)
/** The first and the last epoch of the tokens here. */
export const [NBF, EXP] = [1_700_000_000n, 1_700_003_600n]

/** The key of the session, which signs proofs. */
export const sessionKey = sodiumEd25519.signer(new Uint8Array(32).fill(9))
export const PROOF_CONTENT = Buffer.from('the request that carries the token')

type Body = Parameters<typeof SessionToken_Body.encode>[0]

/** What alice's token to get one object says. */
export function tokenBody(parts: Partial<Body> = {}): Uint8Array {
  return SessionToken_Body.encode({
    id: ID,
    ownerId: { value: alice.publicKey },
    verb: 1,
    lifetime: { exp: EXP, nbf: NBF, iat: NBF },
    sessionKey: sessionKey.publicKey,
    objectAddress: { containerId: { value: CONTAINER }, objectId: { value: OBJECT } },
    ...parts,
  }).finish()
}

export function signToken(body: Uint8Array, signer: Signer = alice): Buffer {
  return Buffer.from(encodeToken(body, signer.publicKey, signer.sign(body)))
}

/** alice's token to get one object, but for the parts that are given. */
export const tokenWith = (parts: Partial<Body> = {}, signer: Signer = alice) =>
  signToken(tokenBody(parts), signer)

/** carol's account, which her P-256 key speaks for. */
export const CAROLS_ACCOUNT = n3Account(carol.publicKey)

/** What alice's token allows, proved, but for the parts that are given. */
export function useOf(parts: Partial<TokenUse> = {}): TokenUse {
  return {
    verb: 'OBJECT_GET',
    object: { containerId: CONTAINER, objectId: OBJECT },
    epoch: NBF + 1n,
    proof: { content: PROOF_CONTENT, signature: sessionKey.sign(PROOF_CONTENT) },
    ...parts,
  }
}
