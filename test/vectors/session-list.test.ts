import { describe, expect, it } from 'vitest'
import type { ListedSession, Notice } from '../../src/feed/protocol/messages.js'
import { decodeConnect, decodeNotice } from '../../src/feed/protocol/read.js'
import { encodeConnect } from '../../src/feed/protocol/write.js'
import { encodeNotice } from '../support/feed.js'

// The layouts of the "Session List WebSocket API", written down line by line.
const user = {
  id: 'u1',
  name: 'Ada',
  registrationDate: '2019-05-01T10:00:00.000Z',
  isPatron: true,
  isMentor: false,
}
const session: ListedSession = {
  id: 's1',
  name: 'Evening game',
  host: {
    name: 'Grace',
    registrationDate: '2018-01-02T03:04:05.000Z',
    isPatron: false,
    isMentor: true,
  },
  activeUsers: 1,
  joinedUsers: 2,
  beginTime: '2026-03-04T05:06:07.089Z',
  users: [user, { ...user, id: 'u2', name: 'Żółć 🎲' }],
}
const ADD =
  'add\n7\ns1\n1\n2\nGrace\n2018-01-02T03:04:05.000Z\nfalse\ntrue\nEvening game\n2026-03-04T05:06:07.089Z\n'
const ADA = 'u1\rAda\r2019-05-01T10:00:00.000Z\rtrue\rfalse'
const SECOND = 'u2\rŻółć 🎲\r2019-05-01T10:00:00.000Z\rtrue\rfalse'

const MESSAGES: [Notice, commands: string, printed: string][] = [
  [{ command: 'reset', expectedVersion: '1.2.3' }, 'reset\n7\n1.2.3', 'reset\n7\n1.2.3'],
  [{ command: 'remove', sessionId: 's1' }, 'remove\n7\ns1', 'reset\n7\ns1'],
  [{ command: 'add', session }, `${ADD}${ADA}\r${SECOND}`, `${ADD}${ADA}\r${SECOND}`],
  [{ command: 'add', session: { ...session, users: [] } }, ADD, ADD],
  [
    { command: 'update', sessionId: 's1', name: 'Late game', activeUsers: 0, joinedUsers: 2 },
    'update\n7\ns1\nLate game\n0\n2',
    'update\n7\ns1\nLate game\n0\n2',
  ],
  [
    { command: 'add_user', sessionId: 's1', user },
    'add_user\n7\ns1\nu1\nAda\n2019-05-01T10:00:00.000Z\ntrue\nfalse',
    '7\ns1\nu1\nAda\n2019-05-01T10:00:00.000Z\ntrue\nfalse',
  ],
  [
    { command: 'remove_user', sessionId: 's1', userId: 'u1', userName: 'Ada' },
    'remove_user\n7\ns1\nu1\nAda',
    '7\ns1\nu1\nAda',
  ],
  [{ command: 'error', message: 'too much' }, 'error\n7\ntoo much', '7\ntoo much'],
]

describe.each(MESSAGES)('$command', (notice, commands, printed) => {
  const isFirst = notice.command === 'reset'

  it.each([
    ['commands', commands],
    ['printed', printed],
  ] as const)('is what the page says, in the dialect %s', (dialect, text) => {
    expect(encodeNotice(notice, 7, dialect)).toBe(text)
    expect(decodeNotice(text, dialect, isFirst)).toEqual({ connectionId: 7, notice })
  })
})

it('a connect is read as the document writes it', () => {
  const connect = { userId: 'u1', userName: 'Ada', version: '1.2.3' }
  expect(encodeConnect(connect)).toBe('connect\nu1\nAda\n1.2.3')
  expect(decodeConnect('connect\nu1\nAda\n1.2.3')).toEqual(connect)
  expect(decodeConnect('connect\n\n\n')).toEqual({ userId: '', userName: '', version: '' })
})

describe('what is not a message is refused', () => {
  it.each([
    ['', 'commands'],
    ['add', 'commands'],
    ['hello\n7\ns1', 'commands'],
    ['remove\n7', 'commands'],
    ['remove\n7\ns1\nmore', 'commands'],
    ['remove\nseven\ns1', 'commands'],
    ['remove\n07\ns1', 'commands'],
    ['remove\n2147483648\ns1', 'commands'],
    ['remove\n-2147483649\ns1', 'commands'],
    ['update\n7\ns1\nname\n1.5\n2', 'commands'],
    ['update\n7\ns1\nname\n\n2', 'commands'],
    [`${ADD}u1`, 'commands'],
    [`${ADD}${ADA}\r`, 'commands'],
    [`${ADD.replace('true', 'TRUE')}${ADA}`, 'commands'],
    [`${ADD.replace('05:06:07.089Z', '05:06:07+02:00')}${ADA}`, 'commands'],
    [`${ADD.replace('2026-03-04', '2026-13-04')}${ADA}`, 'commands'],
    ['7\ns1\nu1', 'printed'],
    [`error\n7\n${'x'.repeat(4 * 1024 * 1024)}`, 'commands'],
  ] as const)('%j', (text, dialect) => {
    expect(() => decodeNotice(text, dialect, false)).toThrow(/parameter|array|command|longer/)
  })

  it.each([
    '',
    'connect',
    'connect\na\nb',
    'connect\na\nb\nc\nd',
    'CONNECT\na\nb\nc',
    'reset\n1\n2',
  ])('from a client: %j', (text) => {
    expect(() => decodeConnect(text)).toThrow(/connect/)
  })

  it('from a client: a parameter without end', () => {
    expect(() => decodeConnect(`connect\n${'x'.repeat(257)}\n\n`)).toThrow(/longer/)
  })
})
