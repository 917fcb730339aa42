import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Token } from '../../../src/core/session.js'
import { listingOf } from '../../../src/feed/listing.js'
import { decodeNotice } from '../../../src/feed/protocol/read.js'
import { encodeNotice } from '../../support/feed.js'
import { commandSession, tokenSession } from '../../support/store-sessions.js'

const OPENED = '1970-01-01T00:00:01.000Z'
const plain = { registrationDate: OPENED, isPatron: false, isMentor: false }

describe('what is shown of a session', () => {
  it('is the name that its owner is listed by, beside the id', () => {
    const ownedBy = (text: string) => {
      const session = tokenSession('1', { userId: 'BzWHaQU', userName: '' })
      const owner = new TextEncoder().encode(text)
      return { ...session, token: { ...(session.token as Token), owner } }
    }
    expect(listingOf(ownedBy('alice'))).toMatchObject({
      host: { name: 'alice' },
      users: [{ id: 'BzWHaQU', name: 'alice' }],
    })
    expect(listingOf(ownedBy('alice\n'))).toMatchObject({ host: { name: 'BzWHaQU' } })
  })

  it.each([
    ['its name', { userName: 'Ada' }, { host: { name: 'Ada', ...plain } }],
    ['else its user id', { userName: '' }, { host: { name: 'alice', ...plain } }],
    ['the client as its name', { data: '{"session_name":""}' }, { name: 'browser' }],
    ['the client in full', { client: 'c'.repeat(1024) }, { name: 'c'.repeat(1024) }],
    ['the name in its data', { data: '{"session_name":"Game"}' }, { name: 'Game' }],
    [
      'the host alone where no users are given',
      {},
      { users: [{ id: 'alice', name: 'Alice', ...plain }], joinedUsers: 1, activeUsers: 1 },
    ],
    [
      'no user where the list is empty',
      { data: '{"users":[]}' },
      { users: [], joinedUsers: 0, activeUsers: 0 },
    ],
    [
      'who is active',
      {
        data: '{"users":[{"user_id":"a","active":false},{"user_id":"b","username":"B","is_patron":true}]}',
      },
      {
        users: [
          { id: 'a', name: 'a', ...plain },
          { id: 'b', name: 'B', ...plain, isPatron: true },
        ],
        joinedUsers: 2,
        activeUsers: 1,
      },
    ],
    [
      'no user twice, nor without an id',
      { data: '{"users":[{"user_id":"a\\n"},{"user_id":"a "},{},7,null,[]]}' },
      { joinedUsers: 1, activeUsers: 1 },
    ],
    [
      'a date in UTC',
      { user: '{"registration_date":"2020-01-01T02:00:00+02:00","is_mentor":true}' },
      {
        host: {
          name: 'Alice',
          registrationDate: '2020-01-01T00:00:00.000Z',
          isPatron: false,
          isMentor: true,
        },
      },
    ],
    [
      'a date in milliseconds',
      { user: '{"registration_date":0}' },
      { host: { name: 'Alice', ...plain, registrationDate: '1970-01-01T00:00:00.000Z' } },
    ],
    [
      'when it was opened where the date is none',
      { user: '{"registration_date":"soon","is_patron":1}' },
      { host: { name: 'Alice', ...plain } },
    ],
    [
      'a time that RFC 3339 can write',
      { openTimeMs: 8.64e15 },
      { beginTime: '9999-12-31T23:59:59.999Z' },
    ],
    ['nothing of JSON of another shape', { user: '7', data: '"text"' }, { name: 'browser' }],
    ['nothing of what is no JSON', { user: '{', data: '[' }, { name: 'browser' }],
  ])('%s', (_, parts, shown) => {
    expect(listingOf(commandSession('s', parts))).toMatchObject(shown)
  })

  it('of one that Create opened: its owner and client', () => {
    const session = tokenSession('s', { userId: 'owner', userName: '' })
    expect(listingOf(session)).toMatchObject({ name: 'browser', host: { name: 'owner' } })
  })

  it('is a message of the protocol, whatever user and data hold', () => {
    const json = fc.oneof(
      fc.json(),
      fc.json().map((users) => `{"users":[${users}],"session_name":${users}}`),
      fc
        .record({
          users: fc.array(
            fc.record(
              {
                user_id: fc.string(),
                username: fc.anything(),
                active: fc.anything(),
                registration_date: fc.oneof(fc.double(), fc.string(), fc.date().map(String)),
              },
              { requiredKeys: [] },
            ),
          ),
        })
        .map((value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v))),
    )
    fc.assert(
      fc.property(
        json,
        json,
        fc.integer({ min: -8.64e15, max: 8.64e15 }),
        (user, data, openTimeMs) => {
          const session = listingOf(commandSession('s', { user, data, openTimeMs }))
          const text = encodeNotice({ command: 'add', session }, 1, 'commands')
          const { notice } = decodeNotice(text, 'commands', false)
          expect(notice).toMatchObject({ session: { activeUsers: session.activeUsers } })
        },
      ),
    )
  })
})
