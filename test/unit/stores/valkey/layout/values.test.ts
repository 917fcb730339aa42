import { describe, expect, it } from 'vitest'
import { StoreDamagedError } from '../../../../../src/core/errors.js'
import { keysOf } from '../../../../../src/stores/valkey/layout/keys.js'
import {
  deadlineMember,
  entryField,
  entryScope,
  entryValue,
  NO_VERSION,
  pointerValue,
  readDeadlineMember,
  readEntry,
  readPointer,
  readRecord,
  readSeal,
  recordValue,
  sealValue,
  VERSION_BYTES,
  versionAfter,
  versionNumber,
  versionOf,
} from '../../../../../src/stores/valkey/layout/values.js'
import { commandSession, tokenSession } from '../../../../support/store-sessions.js'

const keys = keysOf('{sd:007}')
const session = tokenSession('one')
const scope = { owner: Uint8Array.of(1), signer: Uint8Array.of(2, 3), key: 'ü' }
const field = entryField(scope.signer, scope.key)
const entry = { sessionId: 'one', bodySha256: new Uint8Array(32).fill(1), expiresTimeMs: 5 }
const deadline = { kind: 'session', timeMs: 7, id: 'one' } as const

describe.each<[string, Buffer, (stored: Buffer) => unknown, unknown]>([
  [
    'a record',
    recordValue(keys.record('one'), session, versionAfter(NO_VERSION)),
    (stored) => readRecord(keys.record('one'), 'one', stored),
    session,
  ],
  [
    'a seal',
    sealValue(keys.seal('one'), Uint8Array.of(9)),
    (stored) => readSeal(keys.seal('one'), 'one', stored),
    Uint8Array.of(9),
  ],
  [
    'an idempotency entry',
    entryValue(keys.entries('ann'), field, entry),
    (stored) => readEntry(keys.entries('ann'), field, stored),
    entry,
  ],
  [
    'a deadline',
    deadlineMember(keys.deadlines, deadline),
    (stored) => readDeadlineMember(keys.deadlines, stored, 7),
    deadline,
  ],
  [
    'a pointer',
    pointerValue(keys.pointer('one'), 12),
    (stored) => readPointer(keys.pointer('one'), 'one', stored, 16),
    12,
  ],
])('%s', (_, stored, read, value) => {
  it('is read as it was written', () => {
    expect(read(stored)).toEqual(value)
  })

  it('is damaged by every change of a bit, every cut, and more bytes', () => {
    for (let bit = 0; bit < 8 * stored.length; bit++) {
      const changed = Buffer.from(stored)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => read(changed)).toThrow(StoreDamagedError)
    }
    for (let length = 0; length < stored.length; length++) {
      expect(() => read(stored.subarray(0, length))).toThrow(StoreDamagedError)
    }
    expect(() => read(Buffer.concat([stored, Buffer.of(0)]))).toThrow(StoreDamagedError)
  })
})

it('is damaged under the key, the field or the score of another', () => {
  const other = keysOf('{sd:008}')
  const version = versionAfter(NO_VERSION)
  const cases: (() => unknown)[] = [
    () => readRecord(other.record('one'), 'one', recordValue(keys.record('one'), session, version)),
    () => readRecord(keys.record('two'), 'two', recordValue(keys.record('two'), session, version)),
    () => readSeal(keys.seal('two'), 'two', sealValue(keys.seal('one'), Uint8Array.of(9))),
    () => readEntry(keys.entries('bob'), field, entryValue(keys.entries('ann'), field, entry)),
    () =>
      readEntry(
        keys.entries('ann'),
        entryField(scope.signer, 'another'),
        entryValue(keys.entries('ann'), field, entry),
      ),
    () => readDeadlineMember(keys.deadlines, deadlineMember(keys.deadlines, deadline), 8),
    () => readDeadlineMember(other.deadlines, deadlineMember(keys.deadlines, deadline), 7),
    () => readPointer(keys.pointer('one'), 'one', pointerValue(keys.pointer('one'), 16), 16),
  ]
  for (const read of cases) {
    expect(read).toThrow(StoreDamagedError)
  }
})

it('names an idempotency entry by signer and key, which the name gives back', () => {
  expect(entryScope(scope.owner, field)).toEqual(scope)
  const parts = [
    [Uint8Array.of(2, 3), 'ü'],
    [Uint8Array.of(2), '\u0003ü'],
    [Uint8Array.of(), '\u0002\u0003ü'],
  ] as const
  expect(new Set(parts.map(([signer, key]) => entryField(signer, key).toString('hex'))).size).toBe(
    3,
  )
})

it('makes versions that grow with each change, also where an id is used again, and none twice', () => {
  const first = versionAfter(NO_VERSION)
  const again = versionAfter(NO_VERSION)
  expect(first).toHaveLength(VERSION_BYTES)
  expect(first.equals(again)).toBe(false)
  const number = versionNumber(first)
  expect(versionNumber(versionAfter(first))).toBe(number + 1)
  expect(versionNumber(versionAfter(NO_VERSION, number + 7))).toBe(number + 8)
  expect(versionNumber(NO_VERSION)).toBe(0)
  const stored = recordValue(keys.record('1'), commandSession('1'), first)
  expect(versionOf(stored)).toEqual(first)
  expect(versionOf(undefined)).toEqual(NO_VERSION)
})
