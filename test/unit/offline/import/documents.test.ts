import { describe, expect, it } from 'vitest'
import { recordsIn } from '../../../../src/offline/import/document.js'
import { ExactNumber } from '../../../../src/offline/import/exact-json.js'
import { plainJson } from '../../../../src/offline/import/extended-json.js'

const NOON = '2023-11-14T12:00:00.000Z'
const NOON_MS = Date.parse(NOON)

describe('extended JSON', () => {
  it.each([
    [{ $date: NOON }, NOON],
    [{ $date: '2023-11-14T13:00:00.000+0100' }, NOON],
    [{ $date: NOON_MS }, NOON],
    [{ $date: { $numberLong: `${NOON_MS}` } }, NOON],
    [{ $date: { $numberLong: '253402300800000' } }, '+010000-01-01T00:00:00.000Z'],
    [{ $oid: '655361c0a1b2c3d4e5f60718' }, '655361c0a1b2c3d4e5f60718'],
    [{ $numberInt: '-7' }, -7],
    [{ $numberLong: '9007199254740991' }, 9007199254740991],
    [{ $numberLong: '9223372036854775807' }, new ExactNumber('9223372036854775807')],
    [{ $numberDouble: '1.5' }, 1.5],
    [{ $undefined: true }, null],
    [{ $symbol: 'x' }, 'x'],
    [{ a: [{ $numberInt: '1' }, { b: { $date: NOON } }] }, { a: [1, { b: NOON }] }],
  ])('%j is %j', (extended, plain) => {
    expect(plainJson(extended)).toEqual(plain)
  })

  it.each<object>([
    { $date: 'yesterday' },
    { $date: NOON, b: 1 },
    { $date: { $numberLong: 'x' } },
    { $numberInt: 7 },
    { $numberLong: '007' },
    { $binary: { base64: 'AA==', subType: '00' } },
    { $numberDecimal: '1.5' },
    { constructor: 'x' },
    {},
  ])('has no other name for %j', (value) => {
    expect(plainJson(value)).toEqual(value)
  })
})

describe('the content of a session', () => {
  const content = { at: { $date: NOON } }
  const records = (document: object) => recordsIn(Buffer.from(JSON.stringify(document)))

  it('is extended JSON in a document of MongoDB', () => {
    expect(records({ _id: 'x', user: content, data: content })).toEqual([
      { path: '', record: { id: 'x', user: { at: NOON }, data: { at: NOON } } },
    ])
    expect(records({ sessions: [{ _id: 'x', data: content }] })).toMatchObject([
      { path: 'sessions[1]', record: { id: 'x', data: { at: NOON } } },
    ])
  })

  it("is the service's callers' own elsewhere", () => {
    expect(records({ id: 'x', open_time: { $date: NOON }, data: content })).toEqual([
      { path: '', record: { id: 'x', open_time: NOON, data: content } },
    ])
    expect(records({ user: content, sessions: [{ id: 'x', data: content }] })).toMatchObject([
      { record: { id: 'x', user: content, data: content } },
    ])
  })
})

describe('the record of a user', () => {
  it.each([
    [{ user_id: 'u', sessions: null }, []],
    [{ id: 'u', first_session: NOON }, []],
    [{ id: 'u', sessions: [{}] }, ['u']],
    [{ _id: { $oid: 'ab' }, sessions: [{}] }, ['ab']],
    [{ id: 'x', user_id: 'u', sessions: [{}, {}] }, ['u', 'u']],
  ])('holds its sessions: %j', (document, users) => {
    const found = recordsIn(Buffer.from(JSON.stringify(document)))
    expect(found.map(({ record }) => record?.user_id)).toEqual(users)
  })

  it('is refused where its sessions are no array', () => {
    expect(() => recordsIn(Buffer.from('{"sessions":{"a":1}}'))).toThrow('sessions is not an array')
  })
})
