import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Deadline } from '../../../../../src/core/store.js'
import {
  anyDeadlineOf,
  anyScopeOf,
  earlierDeadlineKey,
  earlierEntryKey,
} from '../../../../../src/stores/level/layout/earlier-keys.js'
import { deadlineKey, deadlineOf, entryKey } from '../../../../../src/stores/level/layout/keys.js'

const UUID = '0b2f6c64-6c2b-4a4e-9d0f-1f8a52a0c3de'
const anyBytes = fc.uint8Array({ maxLength: 33 })
const anyText = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.uuid())
const anyScope = fc
  .record({ owner: anyBytes, signer: fc.option(anyBytes), key: anyText })
  .map((scope) => ({ ...scope, signer: scope.signer ?? scope.owner }))
const anyDeadline: fc.Arbitrary<Deadline> = fc.oneof(
  fc.record({ kind: fc.constant('session' as const), timeMs: fc.nat(), id: anyText }),
  fc.record({ kind: fc.constant('idempotency' as const), timeMs: fc.nat(), scope: anyScope }),
)

describe('keys of earlier layouts', () => {
  it('have the layout of version 1', () => {
    const scope = { owner: Uint8Array.of(1), signer: Uint8Array.of(2, 3), key: 'k' }
    expect(earlierEntryKey(scope).toString('hex')).toBe('69000101000202036b')
    expect(earlierDeadlineKey({ kind: 'session', timeMs: 258, id: UUID }).toString('hex')).toBe(
      `780000000000000102 00${Buffer.from(UUID).toString('hex')}`.replace(' ', ''),
    )
    expect(earlierDeadlineKey({ kind: 'idempotency', timeMs: 1, scope }).toString('hex')).toBe(
      '78000000000000000101000101000202036b',
    )
  })

  it('are read as those of this layout are', () => {
    fc.assert(
      fc.property(anyScope, anyDeadline, (scope, deadline) => {
        expect(anyScopeOf(earlierEntryKey(scope))).toEqual(scope)
        expect(anyScopeOf(entryKey(scope))).toEqual(scope)
        expect(anyDeadlineOf(earlierDeadlineKey(deadline))).toEqual(deadline)
        expect(anyDeadlineOf(deadlineKey(deadline))).toEqual(deadline)
      }),
    )
  })

  it('are none of this layout, where they differ', () => {
    const deadline = { kind: 'session', timeMs: 5, id: UUID } as const
    expect(() => deadlineOf(earlierDeadlineKey(deadline))).toThrow('no deadline')
    const scope = { owner: Uint8Array.of(1), signer: Uint8Array.of(1), key: UUID }
    const entryDeadline = { kind: 'idempotency', timeMs: 5, scope } as const
    expect(() => deadlineOf(earlierDeadlineKey(entryDeadline))).toThrow('no idempotency scope')
  })

  it.each(['69000101', '690001018300', '6900010184', '6900010182000102'])(
    'are an error where no layout has them: %s',
    (key) => {
      expect(() => anyScopeOf(Buffer.from(key, 'hex'))).toThrow()
    },
  )
})
