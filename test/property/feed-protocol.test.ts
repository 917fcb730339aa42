import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Dialect, Notice } from '../../src/feed/protocol/messages.js'
import { decodeConnect, decodeNotice } from '../../src/feed/protocol/read.js'
import { encodeConnect } from '../../src/feed/protocol/write.js'
import { encodeNotice } from '../support/feed.js'

/** Names as people choose them to do harm: delimiters, markup, other scripts. */
const name = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '\n',
        '\r',
        '\r\n',
        'true',
        'add',
        'reset',
        '7',
        '<b>',
        '🎲',
        '\u202e',
        'שלום',
      ),
    )
    .map((parts) => parts.join('')),
)
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const time = fc
  .date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString())
const profile = {
  name,
  registrationDate: time,
  isPatron: fc.boolean(),
  isMentor: fc.boolean(),
}
const user = fc.record({ id: name, ...profile })
const notice: fc.Arbitrary<Notice> = fc.oneof(
  fc.record({ command: fc.constant('reset' as const), expectedVersion: name }),
  fc.record({ command: fc.constant('remove' as const), sessionId: name }),
  fc.record({
    command: fc.constant('add' as const),
    session: fc.record({
      ...{ id: name, name, host: fc.record(profile), beginTime: time },
      ...{ activeUsers: int32, joinedUsers: int32, users: fc.array(user, { maxLength: 5 }) },
    }),
  }),
  fc.record({
    ...{ command: fc.constant('update' as const), sessionId: name, name },
    ...{ activeUsers: int32, joinedUsers: int32 },
  }),
  fc.record({ command: fc.constant('add_user' as const), sessionId: name, user }),
  fc.record({
    ...{ command: fc.constant('remove_user' as const), sessionId: name },
    ...{ userId: name, userName: name },
  }),
  fc.record({ command: fc.constant('error' as const), message: name }),
)

/** The same with a space for each newline and carriage return in any value. */
function flat<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll(/(?<!\\)((?:\\\\)*)\\[nr]/g, '$1 '))
}

it('every message comes back as it went, whatever the names contain: no value forges a field', () => {
  fc.assert(
    fc.property(
      notice,
      int32,
      fc.constantFrom<Dialect>('commands', 'printed'),
      (sent, id, dialect) => {
        const isFirst = sent.command === 'reset'
        expect(decodeNotice(encodeNotice(sent, id, dialect), dialect, isFirst)).toEqual({
          connectionId: id,
          notice: flat(sent),
        })
      },
    ),
    { numRuns: 1000 },
  )
})

it('connect comes back as it went', () => {
  fc.assert(
    fc.property(fc.record({ userId: name, userName: name, version: name }), (sent) => {
      fc.pre(Object.values(sent).every((value) => value.length <= 256))
      expect(decodeConnect(encodeConnect(sent))).toEqual(flat(sent))
    }),
  )
})
