import { randomUUID } from 'node:crypto'
import { signRequest } from '../../dist/envelope/sign.js'
import { CreateRequest_Body } from '../../dist/generated/session/service.js'
import { encodeMeta } from '../lib/meta.js'
import { newOwner, newP256Owner } from '../lib/owners.js'

const OWNERS = 64
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

/** @returns {Generator<Buffer, never>} */
function* requests(ownerOf, metaOf) {
  const iat = BigInt(Math.floor(Date.now() / 1000))
  for (let i = 0; ; i++) {
    const owner = ownerOf(i)
    const lifetime = { exp: iat + BigInt(SHORTEST_LIFETIME_SECONDS + i), nbf: iat, iat }
    const body = CreateRequest_Body.encode({ ownerId: { value: owner.id }, lifetime })
    yield signRequest({ body: body.finish(), meta: metaOf() }, owner.signer)
  }
}

function sameOwners(newOwner) {
  const owners = Array.from({ length: OWNERS }, newOwner)
  return (i) => owners[i % OWNERS]
}

function constantMeta() {
  const meta = encodeMeta()
  return () => meta
}

function metaWithFreshKey() {
  return encodeMeta({ xHeaders: [{ key: 'idempotency-key', value: randomUUID() }] })
}
