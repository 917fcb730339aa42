import { RequestMetaHeader } from '#generated/service/meta'
import { CreateRequest_Body } from '#generated/session/service'
import { SessiondError } from '../../src/core/errors.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { p256Signer } from '../../src/crypto/p256.js'
import { schemeVerifier } from '../../src/crypto/schemes.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { expectField } from './contract.js'

const hex = (text: string) => Buffer.from(text, 'hex')

/** RFC 8032 section 7.1, TEST 1 and TEST 2. */
export const alice = sodiumEd25519.signer(
  hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'),
)
export const hop = sodiumEd25519.signer(
  hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'),
)
/** RFC 6979 section A.2.5, in both forms. */
const p256Secret = hex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721')
export const carol = p256Signer(p256Secret, 'sha256')
export const carolSha512 = p256Signer(p256Secret, 'sha512')

const verify = schemeVerifier(sodiumEd25519)
export const verifiers = { body: verify, header: verify }

/** A varint field. */
export function num(number: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)])
}

/** A length-delimited field. */
export function len(number: number, ...content: Uint8Array[]): Buffer {
  const bytes = Buffer.concat(content)
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 0x7fn; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
  return Buffer.from([...bytes, Number(rest)])
}

export function requestBody(owner: Uint8Array = alice.publicKey): Uint8Array {
  const lifetime = { exp: 1_700_003_600n, nbf: 1_700_000_000n, iat: 1_700_000_000n }
  return CreateRequest_Body.encode({ ownerId: { value: owner }, lifetime }).finish()
}

export function requestMeta(given: Partial<RequestMetaHeader> = {}): Uint8Array {
  return RequestMetaHeader.encode({
    version: { major: 2, minor: 0 },
    epoch: 1_700_000_000n,
    ttl: 2,
    xHeaders: [],
    token: undefined,
    bearer: undefined,
    origin: undefined,
    ...given,
  }).finish()
}

/** A `service.Signature`. */
export function signature(signer: Signer, content: Uint8Array): Buffer {
  return Buffer.concat([len(1, signer.publicKey), len(2, signer.sign(content))])
}

const NO_BYTES = new Uint8Array(0)

/** The original sender's verification header; another key or other contents may be put in. */
export function verifyHeader(
  body: Uint8Array,
  meta: Uint8Array,
  signers: { body: Signer; meta: Signer; origin: Signer | null } = {
    body: alice,
    meta: alice,
    origin: alice,
  },
): Buffer {
  return Buffer.concat([
    len(1, signature(signers.body, body)),
    len(2, signature(signers.meta, meta)),
    signers.origin ? len(3, signature(signers.origin, NO_BYTES)) : NO_BYTES,
  ])
}

/** A hop's verification header around `inner`. */
export function hopVerifyHeader(meta: Uint8Array, inner: Uint8Array, signer: Signer = hop): Buffer {
  return Buffer.concat([
    len(2, signature(signer, meta)),
    len(3, signature(signer, inner)),
    len(4, inner),
  ])
}

/** A whole message of the parts that are given. */
export function message(
  body: Uint8Array | null,
  meta: Uint8Array | null,
  verifyHeader: Uint8Array | null,
): Buffer {
  return Buffer.concat(
    [body, meta, verifyHeader].map((part, i) => (part === null ? NO_BYTES : len(i + 1, part))),
  )
}

/** A message that the original sender signed as it stands. */
export function request(
  meta: Uint8Array = requestMeta(),
  body: Uint8Array = requestBody(),
  signer: Signer = alice,
): Buffer {
  return message(
    body,
    meta,
    verifyHeader(body, meta, { body: signer, meta: signer, origin: signer }),
  )
}

/** What `run` was refused with; any other outcome fails the test, and so does a field that there is not. */
export function refusal(
  run: () => unknown,
  typeName = 'session.CreateRequest',
): { code: string; field: string | undefined } {
  try {
    run()
  } catch (error) {
    if (error instanceof SessiondError) {
      if (error.field !== undefined) {
        expectField(typeName, error.field)
      }
      return { code: error.code, field: error.field }
    }
    throw error
  }
  throw new Error('nothing was refused')
}
