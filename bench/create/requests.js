import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { ownerIdOf, publicKeyOf } from '../../dist/client/index.js'
import { sodiumEd25519 } from '../../dist/crypto/sodium.js'
import { signRequest } from '../../dist/envelope/sign.js'
import { RequestMetaHeader } from '../../dist/generated/service/meta.js'
import { CreateRequest_Body } from '../../dist/generated/session/service.js'

const OWNERS = 64
const SEED_BYTES = 32
const SHORTEST_LIFETIME_SECONDS = 3600

export const CONSTANT_META = '64 owners, constant meta'
export const FRESH_KEYS = '64 owners, fresh idempotency keys'
export const NEW_OWNERS = 'a new owner each'
export const P256_FRESH_KEYS = '64 P-256 owners, fresh idempotency keys'

/**
 * An endless iterator of signed `session.CreateRequest`s for each shape. All bodies differ: each lifetime is
 * a second longer than the last.
 */
export const shapes = {
  [CONSTANT_META]: () => requests(sameOwners(newOwner), constantMeta()),
  [FRESH_KEYS]: () => requests(sameOwners(newOwner), metaWithFreshKey),
  [NEW_OWNERS]: () => requests(newOwner, constantMeta()),
  [P256_FRESH_KEYS]: () => requests(sameOwners(newP256Owner), metaWithFreshKey),
}

function* requests(ownerOf, metaOf) {
  const iat = BigInt(Math.floor(Date.now() / 1000))
  for (let i = 0; ; i++) {
    const owner = ownerOf(i)
    const lifetime = { exp: iat + BigInt(SHORTEST_LIFETIME_SECONDS + i), nbf: iat, iat }
    const body = CreateRequest_Body.encode({ ownerId: { value: owner.id }, lifetime })
    yield signRequest({ body: body.finish(), meta: metaOf() }, owner.signer)
  }
}

function newOwner() {
  const signer = sodiumEd25519.signer(randomBytes(SEED_BYTES))
  return { id: signer.publicKey, signer }
}

/** Signs by OpenSSL, with random nonces. */
function newP256Owner() {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const secret = Buffer.from(key.export({ format: 'jwk' }).d, 'base64url')
  const owner = { type: 'p256', secret }
  return {
    id: ownerIdOf(owner),
    signer: {
      publicKey: publicKeyOf(owner),
      sign: (message) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }),
    },
  }
}

function sameOwners(newOwner) {
  const owners = Array.from({ length: OWNERS }, newOwner)
  return (i) => owners[i % OWNERS]
}

function constantMeta() {
  const meta = encodeMeta([])
  return () => meta
}

function metaWithFreshKey() {
  return encodeMeta([{ key: 'idempotency-key', value: randomUUID() }])
}

function encodeMeta(xHeaders) {
  const version = { major: 2, minor: 0 }
  return RequestMetaHeader.encode({ version, epoch: 0n, ttl: 2, xHeaders }).finish()
}
