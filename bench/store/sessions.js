import { createHash, randomUUID } from 'node:crypto'
import { ownerText } from '../../dist/core/owner-text.js'
import { address, CLIENT, someData, userNamed } from '../lib/people.js'

const SESSIONS_PER_USER = 100

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Time between the first and the last of the sessions' last requests. */
const SPAN_MS = 6 * HOUR_MS
const IDLE_TIMEOUT_MS = DAY_MS
const RETENTION_MS = 7 * DAY_MS
const LIFETIME_MS = 30 * DAY_MS
/** Format, key id, nonce, ciphertext and tag. */
const SEAL_BYTES = 78

/** Owner IDs, 32 bytes each and as text, and the data about these users. */
export function makeUsers(sessions) {
  return Array.from({ length: sessions / SESSIONS_PER_USER }, (_, i) => {
    const owner = Uint8Array.from(createHash('sha256').update(`user ${i}`).digest())
    const id = ownerText(owner)
    return { owner, id, json: JSON.stringify(userNamed(id)) }
  })
}

/**
 * The arguments of a store's `insert` for the i-th of `count` sessions, in order of their last request.
 * Each user has 100 sessions. Half are token sessions with an idempotency key, half were opened by
 * commands. Every tenth has ended.
 */
export function sessionAt(i, count, users, nowMs) {
  const user = users[i % users.length]
  const ordinal = Math.floor(i / users.length)
  const isToken = ordinal % 2 === 1
  const active = ordinal % 10 < 9
  const requestTimeMs = nowMs - Math.round(((count - i) / count) * SPAN_MS)
  const endMs = requestTimeMs + (isToken ? LIFETIME_MS : IDLE_TIMEOUT_MS)
  const session = {
    id: randomUUID(),
    userId: user.id,
    userName: isToken ? '' : 'Robin Example',
    active,
    openTimeMs: requestTimeMs,
    requestTimeMs,
    closeTimeMs: active ? null : requestTimeMs,
    address: address(i),
    client: CLIENT,
    user: isToken ? null : user.json,
    data: isToken ? null : JSON.stringify(someData(i)),
    token: isToken ? token(user.owner, requestTimeMs, endMs) : null,
    ending: null,
  }
  const inserted = { session, sweepAtMs: active ? endMs : requestTimeMs + RETENTION_MS }
  const scope = { userId: user.id, countOpenOfUser: false }
  if (!isToken) {
    return { scope, decision: { insert: inserted } }
  }
  const idempotency = { owner: user.owner, signer: user.owner, key: randomUUID() }
  const answer = { bodySha256: noise(32), expiresTimeMs: endMs }
  return {
    scope: { ...scope, idempotency },
    decision: { insert: { ...inserted, seal: noise(SEAL_BYTES), idempotency: answer } },
  }
}

function token(owner, startMs, endMs) {
  const epoch = (ms) => BigInt(Math.floor(ms / 1000))
  const [iat, exp] = [epoch(startMs), epoch(endMs)]
  return { owner, lifetime: { exp, nbf: iat, iat }, publicKey: noise(32) }
}

/** Bytes that do not compress, like keys, seals and hashes. */
function noise(length) {
  return Uint8Array.from({ length }, () => Math.random() * 256)
}
