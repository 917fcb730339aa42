import type { TokenCheckOptions, TokenReason, TokenUse } from '../../src/tokens/check.js'
import { encodeToken } from '../../src/tokens/token.js'
import { alice, carol, carolSha512, hop, len, num } from './envelope.js'
import {
  CAROLS_ACCOUNT,
  CONTAINER,
  EXP,
  NBF,
  OBJECT,
  PROOF_CONTENT,
  sessionKey,
  signToken,
  tokenBody,
  tokenWith,
} from './tokens.js'

const other = Buffer.alloc(32, 1)
const { publicKey } = alice
const body = tokenBody()
const signature = alice.sign(body)
const signatureField = Buffer.concat([len(1, publicKey), len(2, signature)])
/** A token whose signed part goes on with these bytes. */
const signedWith = (...more: Uint8Array[]) => signToken(Buffer.concat([body, ...more]))

/** A token that is refused, and why. */
export interface RefusedToken {
  readonly what: string
  readonly token: Uint8Array
  readonly reason: TokenReason
  readonly use?: Partial<TokenUse>
  readonly options?: TokenCheckOptions
}

export const REFUSED_TOKENS: readonly RefusedToken[] = [
  // The form.
  { what: 'no bytes', token: Buffer.of(), reason: 'MISSING_FIELD' },
  { what: 'no protobuf', token: Buffer.from('not a token'), reason: 'MALFORMED' },
  {
    what: 'more than 1,024 bytes',
    token: signedWith(len(15, Buffer.alloc(900))),
    reason: 'MALFORMED',
  },
  { what: 'no signed part', token: len(2, signatureField), reason: 'MISSING_FIELD' },
  { what: 'no signature', token: len(1, body), reason: 'MISSING_FIELD' },
  {
    what: 'no signing key',
    token: encodeToken(body, Buffer.of(), signature),
    reason: 'MISSING_FIELD',
  },
  {
    what: 'no bytes of a signature',
    token: encodeToken(body, publicKey, Buffer.of()),
    reason: 'MISSING_FIELD',
  },
  {
    what: 'two signed parts',
    token: Buffer.concat([len(1, body), signedWith()]),
    reason: 'MALFORMED',
  },
  {
    what: 'an unknown field beside the signed part',
    token: Buffer.concat([signedWith(), num(3, 1)]),
    reason: 'MALFORMED',
  },
  {
    what: 'an unknown field in the signature',
    token: Buffer.concat([len(1, body), len(2, signatureField, num(3, 1))]),
    reason: 'MALFORMED',
  },
  { what: 'an unknown field that was signed', token: signedWith(num(9, 1)), reason: 'MALFORMED' },
  {
    what: 'an unknown field in the lifetime',
    token: signToken(
      Buffer.concat([
        tokenBody({ lifetime: undefined }),
        len(4, num(1, EXP), num(2, NBF), num(4, 1)),
      ]),
    ),
    reason: 'MALFORMED',
  },
  {
    what: 'the signature first',
    token: Buffer.concat([len(2, signatureField), len(1, body)]),
    reason: 'MALFORMED',
  },
  {
    what: 'a length in two bytes that needs one',
    token: Buffer.concat([
      len(1, body),
      Buffer.of(0x12, 0x80 | signatureField.length, 0),
      signatureField,
    ]),
    reason: 'MALFORMED',
  },
  {
    what: 'the key twice',
    token: Buffer.concat([len(1, body), len(2, len(1, hop.publicKey), signatureField)]),
    reason: 'MALFORMED',
  },
  { what: 'no id', token: tokenWith({ id: Buffer.of() }), reason: 'MISSING_FIELD' },
  {
    what: 'an id of 15 bytes',
    token: tokenWith({ id: Buffer.alloc(15, 0x44) }),
    reason: 'INVALID_FIELD',
  },
  {
    what: 'an id that is no UUID of version 4',
    token: tokenWith({ id: Buffer.alloc(16, 0x11) }),
    reason: 'INVALID_FIELD',
  },
  { what: 'no owner', token: tokenWith({ ownerId: undefined }), reason: 'MISSING_FIELD' },
  {
    what: 'an empty owner',
    token: tokenWith({ ownerId: { value: Buffer.of() } }),
    reason: 'MISSING_FIELD',
  },
  {
    what: 'an owner of 65 bytes',
    token: tokenWith({ ownerId: { value: Buffer.alloc(65) } }),
    reason: 'INVALID_FIELD',
  },
  { what: 'an unknown verb', token: tokenWith({ verb: 7 as number }), reason: 'INVALID_FIELD' },
  { what: 'a negative verb', token: tokenWith({ verb: -1 as number }), reason: 'INVALID_FIELD' },
  { what: 'no lifetime', token: tokenWith({ lifetime: undefined }), reason: 'MISSING_FIELD' },
  {
    what: 'a lifetime that ends before it begins',
    token: tokenWith({ lifetime: { exp: 1n, nbf: 2n, iat: 0n } }),
    reason: 'INVALID_FIELD',
  },
  {
    what: 'no session key',
    token: tokenWith({ sessionKey: Buffer.of() }),
    reason: 'MISSING_FIELD',
  },
  {
    what: 'a session key of 31 bytes',
    token: tokenWith({ sessionKey: Buffer.alloc(31) }),
    reason: 'INVALID_FIELD',
  },
  {
    what: 'an object without a container',
    token: tokenWith({ objectAddress: { containerId: undefined, objectId: { value: OBJECT } } }),
    reason: 'MISSING_FIELD',
  },
  {
    what: 'an empty container',
    token: tokenWith({
      objectAddress: { containerId: { value: Buffer.of() }, objectId: undefined },
    }),
    reason: 'MISSING_FIELD',
  },
  {
    what: 'an empty object',
    token: tokenWith({
      objectAddress: { containerId: { value: CONTAINER }, objectId: { value: Buffer.of() } },
    }),
    reason: 'MISSING_FIELD',
  },
  // The use.
  {
    what: 'the epoch before its first',
    token: tokenWith(),
    use: { epoch: NBF - 1n },
    reason: 'NOT_YET_VALID',
  },
  {
    what: 'the epoch after its last',
    token: tokenWith(),
    use: { epoch: EXP + 1n },
    reason: 'EXPIRED',
  },
  {
    what: 'another verb',
    token: tokenWith(),
    use: { verb: 'OBJECT_PUT' },
    reason: 'VERB_NOT_ALLOWED',
  },
  {
    what: 'another container',
    token: tokenWith(),
    use: { object: { containerId: other, objectId: OBJECT } },
    reason: 'OBJECT_NOT_ALLOWED',
  },
  {
    what: 'another object',
    token: tokenWith(),
    use: { object: { containerId: CONTAINER, objectId: other } },
    reason: 'OBJECT_NOT_ALLOWED',
  },
  {
    what: 'a whole container, for one object',
    token: tokenWith(),
    use: { object: { containerId: CONTAINER } },
    reason: 'OBJECT_NOT_ALLOWED',
  },
  {
    what: 'no object in particular',
    token: tokenWith(),
    use: { object: undefined },
    reason: 'OBJECT_NOT_ALLOWED',
  },
  // Who signed.
  { what: "another's key", token: signToken(body, hop), reason: 'OWNER_KEY_MISMATCH' },
  {
    what: "an account with another's P-256 key",
    token: tokenWith({ ownerId: { value: CAROLS_ACCOUNT } }),
    reason: 'OWNER_KEY_MISMATCH',
  },
  {
    what: 'an owner that is no key',
    token: tokenWith({ ownerId: { value: Buffer.from('team-a') } }),
    reason: 'OWNER_KEY_MISMATCH',
  },
  {
    what: 'a key that the own rule refuses',
    token: tokenWith(),
    options: { owners: () => false },
    reason: 'OWNER_KEY_MISMATCH',
  },
  {
    what: 'a signature over something else',
    token: encodeToken(body, publicKey, alice.sign(tokenBody({ verb: 0 }))),
    reason: 'BAD_SIGNATURE',
  },
  {
    what: 'a signature of 63 bytes',
    token: encodeToken(body, publicKey, signature.subarray(1)),
    reason: 'BAD_SIGNATURE',
  },
  // Who shows it.
  {
    what: "another's proof",
    token: tokenWith(),
    use: { proof: { content: PROOF_CONTENT, signature: hop.sign(PROOF_CONTENT) } },
    reason: 'BAD_PROOF',
  },
  {
    what: 'a proof of something else',
    token: tokenWith(),
    use: { proof: { content: OBJECT, signature: sessionKey.sign(PROOF_CONTENT) } },
    reason: 'BAD_PROOF',
  },
  {
    what: "the owner's signature as proof",
    token: tokenWith(),
    use: { proof: { content: body, signature } },
    reason: 'BAD_PROOF',
  },
  {
    what: 'an empty proof',
    token: tokenWith(),
    use: { proof: { content: PROOF_CONTENT, signature: Buffer.of() } },
    reason: 'BAD_PROOF',
  },
]

/** Tokens that are good, each with what is particular about how it is used. */
export const GOOD_TOKENS: readonly [what: string, token: Uint8Array, use: Partial<TokenUse>][] = [
  ["alice's token", tokenWith(), {}],
  ['the first epoch', tokenWith(), { epoch: NBF }],
  ['the last epoch', tokenWith(), { epoch: EXP }],
  ['a proof that nobody asked for', tokenWith(), { proof: 'not-asked' }],
  [
    'an object of a container that is allowed',
    tokenWith({ objectAddress: { containerId: { value: CONTAINER }, objectId: undefined } }),
    {},
  ],
  [
    'the container itself',
    tokenWith({ objectAddress: { containerId: { value: CONTAINER }, objectId: undefined } }),
    { object: { containerId: CONTAINER } },
  ],
  ['any object', tokenWith({ objectAddress: undefined }), {}],
  ['no object in particular', tokenWith({ objectAddress: undefined }), { object: undefined }],
  ['an account with its key', tokenWith({ ownerId: { value: CAROLS_ACCOUNT } }, carol), {}],
  [
    'an account with its key, by SHA-512',
    tokenWith({ ownerId: { value: CAROLS_ACCOUNT } }, carolSha512),
    {},
  ],
  [
    'a session key on P-256',
    tokenWith({ sessionKey: carol.publicKey }),
    { proof: { content: PROOF_CONTENT, signature: carol.sign(PROOF_CONTENT) } },
  ],
]
