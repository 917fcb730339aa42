import { randomBytes, randomUUID } from 'node:crypto'
import { sodiumEd25519 } from '../../dist/crypto/sodium.js'
import { signRequest } from '../../dist/envelope/sign.js'
import { RequestMetaHeader } from '../../dist/generated/service/meta.js'
import { CreateRequest_Body } from '../../dist/generated/session/service.js'

const OWNERS = 64
const SEED_BYTES = 32
const SHORTEST_LIFETIME_SECONDS = 3600

/**
 * An endless iterator of signed `session.CreateRequest`s for each shape. All bodies differ: each lifetime is
 * a second longer than the last.
 */
export const shapes = {
  '64 owners, constant meta': () => requests(sameOwners(), constantMeta()),
  '64 owners, fresh idempotency keys': () => requests(sameOwners(), metaWithFreshKey),
  'a new owner each': () => requests(newOwner, constantMeta()),
}

function* requests(ownerOf, metaOf) {
  const iat = BigInt(Math.floor(Date.now() / 1000))
  for (let i = 0; ; i++) {
    const owner = ownerOf(i)
    const lifetime = { exp: iat + BigInt(SHORTEST_LIFETIME_SECONDS + i), nbf: iat, iat }
    const body = CreateRequest_Body.encode({ ownerId: { value: owner.publicKey }, lifetime })
    yield signRequest({ body: body.finish(), meta: metaOf() }, owner)
  }
}

function newOwner() {
  return sodiumEd25519.signer(randomBytes(SEED_BYTES))
}

function sameOwners() {
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
