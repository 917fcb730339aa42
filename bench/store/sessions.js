import { createHash, randomBytes } from 'node:crypto'
import { ownerText } from '../../dist/core/owner-text.js'
import { address, CLIENT, someData, userNamed } from '../lib/people.js'

/** Those of a server as it is by default. */
export const EPOCHS = { genesisAtMs: 0, lengthMs: 1000 }
export const SESSIONS_PER_USER = 100
/** Ids have so many bits for the number of their session. */
const NUMBER_BITS = 24
export const MOST_SESSIONS = 2 ** NUMBER_BITS

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Time between the first and the last of the sessions' last requests. */
const SPAN_MS = 6 * HOUR_MS
/** How long after the last request deadlines come. They differ by more than the span. */
export const IDLE_TIMEOUT_MS = DAY_MS
export const RETENTION_MS = 7 * DAY_MS
export const LIFETIME_MS = 30 * DAY_MS
/** Format, key id, nonce, ciphertext and tag. */
const SEAL_BYTES = 78

/** @typedef {import('../../dist/core/store.js').InsertScope} InsertScope */
/** @typedef {import('../../dist/core/store.js').NewSession} NewSession */

/** Owner IDs, 32 bytes each and as text, and the data about these users. */
export function makeUsers(sessions) {
  return Array.from({ length: sessions / SESSIONS_PER_USER }, (_, i) => {
    const owner = Uint8Array.from(createHash('sha256').update(`user ${i}`).digest())
    const id = ownerText(owner)
    return { owner, id, json: JSON.stringify(userNamed(id)) }
  })
}

/** Whether the i-th session is a token session, and whether it is open. */
export const isTokenAt = (i, users) => Math.floor(i / users.length) % 2 === 1
export const isOpenAt = (i, users) => Math.floor(i / users.length) % 10 < 9

/**
 * The arguments of a store's `insert` for the i-th of `count` sessions, in order of their last request.
 * Each user has 100 sessions. Half are token sessions with an idempotency key, half were opened by
 * commands. Every tenth has ended. IDs, times and keys are the same each time, noise is not.
 * @returns {{ scope: InsertScope, decision: { insert: NewSession } }}
 */
export function sessionAt(i, count, users, nowMs) {
  const user = users[i % users.length]
  const isToken = isTokenAt(i, users)
  const active = isOpenAt(i, users)
  const requestTimeMs = nowMs - Math.round(((count - i) / count) * SPAN_MS)
  const endMs = requestTimeMs + (isToken ? LIFETIME_MS : IDLE_TIMEOUT_MS)
  const session = {
    id: idAt(i),
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
  const idempotency = { owner: user.owner, signer: user.owner, key: uuidOf(mixed(i, 1), i) }
  const answer = { bodySha256: noise(32), expiresTimeMs: endMs }
  return {
    scope: { ...scope, idempotency },
    decision: { insert: { ...inserted, seal: noise(SEAL_BYTES), idempotency: answer } },
  }
}

/** The numbers of all sessions, in the order of their IDs. */
export function* numbersById(count) {
  const ranks = Float64Array.from({ length: count }, (_, i) => mixed(i, 0) * MOST_SESSIONS + i)
  for (const rank of ranks.sort()) {
    yield rank % MOST_SESSIONS
  }
}

function idAt(i) {
  return uuidOf(mixed(i, 0), i)
}

/** A UUIDv4 that begins with `random` and `i`, 24 bits each. */
function uuidOf(random, i) {
  const [a, b, c] = [hex24(mixed(i, 2)), hex24(mixed(i, 3)), hex24(mixed(i, 4))]
  const head = hex24(random) + hex24(i)
  return `${head.slice(0, 8)}-${head.slice(8)}-4${a.slice(0, 3)}-8${a.slice(3)}-${b}${c}`
}

function hex24(number) {
  return (MOST_SESSIONS + number).toString(16).slice(1)
}

/** 24 bits of `i` and `salt` that look random: the finalizer of MurmurHash3. */
function mixed(i, salt) {
  let h = (i + Math.imul(salt, 0x9e3779b9)) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) % MOST_SESSIONS
}

function token(owner, startMs, endMs) {
  const epoch = (ms) => BigInt(Math.floor(ms / 1000))
  const [iat, exp] = [epoch(startMs), epoch(endMs)]
  return { owner, lifetime: { exp, nbf: iat, iat }, publicKey: noise(32) }
}

let pool = Buffer.alloc(0)

/** Bytes that do not compress, like keys, seals and hashes. */
function noise(length) {
  if (pool.length < length) {
    pool = randomBytes(64 * 1024)
  }
  const bytes = pool.subarray(0, length)
  pool = pool.subarray(length)
  return bytes
}
