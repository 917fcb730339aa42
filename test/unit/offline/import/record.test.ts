import { describe, expect, it } from 'vitest'
import { recordsIn } from '../../../../src/offline/import/document.js'
import { importedSession } from '../../../../src/offline/import/record.js'
import { START_MS } from '../../../support/sessions.js'

function read(record: unknown) {
  const [found] = recordsIn(Buffer.from(JSON.stringify(record)))
  return importedSession(found?.record ?? {}, START_MS, 1000)
}

const OPENED = '2023-11-14T20:00:00.000Z'
const ASKED = '2023-11-14T21:00:00.000Z'
const ENDED = '2023-11-14T21:30:00.000Z'

const older = {
  id: 'o1',
  opened: OPENED,
  last_request: ASKED,
  address: 'here',
  client: 'app',
  user: { id: 'alice', name: 'Alice', admin: true },
  data: { cart: [1] },
}
const newer = {
  id: 'n1',
  user_id: 'bob',
  user_name: 'Bob',
  active: true,
  open_time: OPENED,
  request_time: ASKED,
  close_time: null,
  address: 'there',
  client: 'web',
  user: { a: 1 },
  data: null,
}

describe('a record', () => {
  it('of the older dialect becomes an open session', () => {
    expect(read(older)).toEqual({
      id: 'o1',
      userId: 'alice',
      userName: 'Alice',
      active: true,
      openTimeMs: Date.parse(OPENED),
      requestTimeMs: Date.parse(ASKED),
      closeTimeMs: null,
      address: 'here',
      client: 'app',
      user: '{"id":"alice","name":"Alice","admin":true}',
      data: '{"cart":[1]}',
      token: null,
      ending: null,
    })
    expect(read({ ...older, user: null, user_id: 'al' })).toMatchObject({
      userId: 'al',
      userName: '',
      user: null,
    })
  })

  it('of the newer dialect becomes a session, open or ended', () => {
    expect(read(newer)).toEqual({
      id: 'n1',
      userId: 'bob',
      userName: 'Bob',
      active: true,
      openTimeMs: Date.parse(OPENED),
      requestTimeMs: Date.parse(ASKED),
      closeTimeMs: null,
      address: 'there',
      client: 'web',
      user: '{"a":1}',
      data: null,
      token: null,
      ending: null,
    })
    const ended = { active: false, closeTimeMs: Date.parse(ENDED) }
    expect(read({ ...newer, active: false, close_time: ENDED })).toMatchObject(ended)
    expect(read({ ...newer, active: undefined, close_time: ENDED })).toMatchObject(ended)
    expect(read({ ...newer, active: false })).toMatchObject({ closeTimeMs: Date.parse(ASKED) })
  })

  it('may leave out what has a meaning when absent, and write times in milliseconds', () => {
    expect(read({ id: 'x', user_id: 'u', open_time: 1_600_000_000_000 })).toMatchObject({
      ...{ userName: '', address: '', client: '', user: null, data: null, active: true },
      ...{ openTimeMs: 1_600_000_000_000, requestTimeMs: 1_600_000_000_000 },
    })
  })

  it('may write times in seconds, and keeps the digits of what it carries', () => {
    const n = '12345678901234567890'
    const text = `{"_id":"x","user_id":"u","open_time":1600000000.0,"data":{"n":[${n},{"$numberLong":"${n}"}]}}`
    const [found] = recordsIn(Buffer.from(text))
    expect(importedSession(found?.record ?? {}, START_MS, 1000)).toMatchObject({
      openTimeMs: 1_600_000_000_000,
      data: `{"n":[${n},${n}]}`,
    })
  })

  it('of long ago was last asked when it was opened', () => {
    const open_time = '1971-01-01T00:00:00Z'
    const { requestTimeMs } = read({ ...newer, open_time, request_time: undefined })
    expect(requestTimeMs).toBe(Date.parse(open_time))
  })

  it.each([
    ['é'.repeat(32), true],
    ['a', true],
    ['é'.repeat(32).concat('a'), false],
  ])('has an id of 1 to 64 bytes: %s', (id, fits) => {
    const reading = () => read({ ...newer, id })
    if (fits) {
      expect(reading().id).toBe(id)
    } else {
      expect(reading).toThrow('id has 65 bytes; it may have 64')
    }
  })

  it.each([
    [{ ...newer, id: undefined }, 'id is required'],
    [{ ...newer, id: '' }, 'id is required'],
    [{ ...newer, id: 7 }, 'id is not a text'],
    [{ ...newer, id: '\ud800' }, 'id has half of a surrogate pair'],
    [{ ...newer, user_id: null }, 'user_id is required'],
    [{ ...older, user: { name: 'x' } }, 'user_id is required'],
    [{ ...older, user: [{ id: 'x' }] }, 'user_id is required'],
    [{ ...newer, address: 'a'.repeat(257) }, 'address has 257 bytes'],
    [{ ...newer, client: 'c'.repeat(1025) }, 'client has 1025 bytes'],
    [{ ...newer, active: 'yes' }, 'active is neither true nor false'],
    [{ ...newer, open_time: 'yesterday' }, 'open_time is neither an ISO 8601 time nor'],
    [{ ...newer, open_time: undefined }, 'open_time (or opened) is required'],
    [{ ...newer, open_time: null }, 'open_time is required'],
    [{ ...newer, request_time: START_MS + 1 }, 'request_time lies in the future'],
    [{ ...older, opened: -1 }, 'opened is before 1970'],
    [{ ...newer, data: 'x'.repeat(1000) }, 'data and user have'],
    [{}, 'open_time (or opened) is required'],
    [[], 'element: is not an object'],
    ['x', 'element: is not an object'],
    [null, 'element: is not an object'],
  ])('is refused: %j', (record, problem) => {
    expect(() => read(record)).toThrow(problem)
  })

  it.each([
    ['{"id":', 'is not JSON in UTF-8'],
    [Buffer.of(0x22, 0xff, 0x22), 'is not JSON in UTF-8'],
    [`{"id":"x","data":${'['.repeat(65)}${']'.repeat(65)}}`, 'more than 64 levels deep'],
    [`${'['.repeat(500_000)}${']'.repeat(500_000)}`, 'more than 64 levels deep'],
  ])('is refused before it is read', (bytes, problem) => {
    expect(() => recordsIn(Buffer.from(bytes as string))).toThrow(problem)
  })
})
