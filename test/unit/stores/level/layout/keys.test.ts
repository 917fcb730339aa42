import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Deadline } from '../../../../../src/core/store.js'
import {
  deadlineKey,
  deadlineOf,
  deadlineRange,
  entryKey,
  idAfterTime,
  indexKeys,
  isDeadlineKey,
  openedKey,
  requestTimeRange,
  sealKey,
  sessionKey,
} from '../../../../../src/stores/level/layout/keys.js'
import { commandSession } from '../../../../support/store-sessions.js'

const anyTime = fc.oneof(
  fc.nat(1000),
  fc.maxSafeNat(),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
)
const UUID = '0b2f6c64-6c2b-4a4e-9d0f-1f8a52a0c3de'
const UUID_HEX = '0b2f6c646c2b4a4e9d0f1f8a52a0c3de'
/** Also what looks like a UUID, and is stored as text. */
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.uuid() },
  { weight: 1, arbitrary: fc.constantFrom(UUID.toUpperCase(), `${UUID} `, UUID.replace('-', '0')) },
)
const anyScope = fc.record({
  owner: fc.uint8Array({ maxLength: 4 }),
  signer: fc.uint8Array({ maxLength: 4 }),
  key: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 4 }), anyText),
})
const anyDeadline: fc.Arbitrary<Deadline> = fc.oneof(
  fc.record({ kind: fc.constant('session' as const), timeMs: anyTime, id: anyText }),
  fc.record({ kind: fc.constant('idempotency' as const), timeMs: anyTime, scope: anyScope }),
)
const anySession = fc
  .record({
    id: anyText,
    userId: anyText,
    address: anyText,
    client: anyText,
    requestTimeMs: anyTime,
    openTimeMs: anyTime,
    active: fc.boolean(),
  })
  .map(({ id, ...parts }) => commandSession(id, parts))

describe('keys', () => {
  it('have the layout of version 4', () => {
    const session = commandSession('id', { userId: 'u', address: 'a', client: 'cl' })
    const time = '001ffffffffffc17' // 2 ** 53 - 1 - 1000
    expect(indexKeys(session).map((key) => key.toString('hex'))).toEqual([
      `7401${time}6964`,
      `7500017501${time}6964`,
    ])
    expect(openedKey('u', 'a', 'cl').toString('hex')).toBe('63000175000161636c')
    expect(sessionKey('id').toString()).toBe('sid')
    expect(sealKey('id').toString()).toBe('kid')
    const scope = { owner: Uint8Array.of(1), signer: Uint8Array.of(2, 3), key: 'k' }
    expect(entryKey(scope).toString('hex')).toBe('6900010180000202036b')
    const owned = { owner: Uint8Array.of(1), signer: Uint8Array.of(1), key: UUID }
    expect(entryKey(owned).toString('hex')).toBe(`6900010183${UUID_HEX}`)
    expect(deadlineKey({ kind: 'session', timeMs: 258, id: 'id' }).toString('hex')).toBe(
      '780000000000000102006964',
    )
    expect(deadlineKey({ kind: 'session', timeMs: 258, id: UUID }).toString('hex')).toBe(
      `78000000000000010202${UUID_HEX}`,
    )
    expect(deadlineKey({ kind: 'idempotency', timeMs: 1, scope }).toString('hex')).toBe(
      '7800000000000000010100010180000202036b',
    )
  })

  it('read back as the deadline that they were made of', () => {
    fc.assert(
      fc.property(anyDeadline, (deadline) => {
        const key = deadlineKey(deadline)
        expect(isDeadlineKey(key)).toBe(true)
        expect(deadlineOf(key)).toEqual(deadline)
      }),
    )
  })

  it('sort deadlines by time, and a range ends before its time', () => {
    fc.assert(
      fc.property(anyDeadline, anyDeadline, (a, b) => {
        const order = deadlineKey(a).compare(deadlineKey(b))
        if (a.timeMs !== b.timeMs) {
          expect(order).toBe(Math.sign(a.timeMs - b.timeMs))
        }
        const { gte, lt } = deadlineRange(b.timeMs)
        const isInside = deadlineKey(a).compare(gte) >= 0 && deadlineKey(a).compare(lt) < 0
        expect(isInside).toBe(a.timeMs < b.timeMs)
      }),
    )
  })

  it('sort sessions newest first, then by id, and read back their id', () => {
    fc.assert(
      fc.property(anySession, anySession, (a, b) => {
        const other = { ...b, userId: a.userId, active: a.active }
        const order =
          Math.sign(other.requestTimeMs - a.requestTimeMs) ||
          Buffer.compare(Buffer.from(a.id), Buffer.from(other.id))
        const range = requestTimeRange({ userId: a.userId }, a.active)
        for (const column of [0, 1]) {
          const key = indexKeys(a)[column] ?? Buffer.of()
          expect(key.compare(indexKeys(other)[column] ?? Buffer.of())).toBe(order)
        }
        expect(idAfterTime(indexKeys(a)[1] ?? Buffer.of(), range.timeOffset)).toBe(a.id)
      }),
    )
  })

  it('lie in the range of their user and time, and in no other', () => {
    fc.assert(
      fc.property(anySession, anySession, anyTime, anyTime, (session, other, from, to) => {
        for (const userId of [undefined, other.userId, session.userId]) {
          const query = { fromTimeMs: from, toTimeMs: to, ...(userId !== undefined && { userId }) }
          const { gte, lt } = requestTimeRange(query, other.active)
          const key = indexKeys(session)[userId === undefined ? 0 : 1] ?? Buffer.of()
          expect(key.compare(gte) >= 0 && key.compare(lt) < 0).toBe(
            session.active === other.active &&
              (userId === undefined || session.userId === userId) &&
              session.requestTimeMs >= from &&
              session.requestTimeMs < to,
          )
        }
      }),
    )
  })

  it('differ for different triples, however their parts are split', () => {
    const anyPart = fc.constantFrom('', 'a', 'aa', '\u0000', '\u0001a', 'é')
    const anyTriple = fc.tuple(anyPart, anyPart, anyPart)
    fc.assert(
      fc.property(anyTriple, anyTriple, (a, b) => {
        expect(openedKey(...a).equals(openedKey(...b))).toBe(a.join('/') === b.join('/'))
      }),
    )
  })

  it('differ for different idempotency scopes', () => {
    fc.assert(
      fc.property(anyScope, anyScope, (a, b) => {
        const isSame = a.key === b.key && `${a.owner}|${a.signer}` === `${b.owner}|${b.signer}`
        expect(entryKey(a).equals(entryKey(b))).toBe(isSame)
      }),
    )
  })
})
