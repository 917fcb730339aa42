import { describe, expect, it } from 'vitest'
import { sessionJson, sessionLines, sessionTable } from '../../../src/cli/session-text.js'
import type { SessionInfo } from '../../../src/client/index.js'

const OPEN: SessionInfo = {
  ...{ id: 's1', userId: 'alice', userName: 'Alice', active: true, address: '::1', client: 'shop' },
  ...{ openTimeMs: 0, requestTimeMs: 1500, closeTimeMs: null },
  ...{ user: null, data: '{"n": 12345678901234567890.10}' },
}
const ENDED: SessionInfo = { ...OPEN, active: false, closeTimeMs: 2000, data: null }

describe('a session', () => {
  it('is SessionV1 as JSON, with its data digit for digit', () => {
    expect(sessionJson(OPEN)).toContain('"data":{"n": 12345678901234567890.10}}')
    expect(JSON.parse(sessionJson(ENDED))).toEqual({
      ...{ id: 's1', user_id: 'alice', user_name: 'Alice', active: false },
      open_time: '1970-01-01T00:00:00.000Z',
      request_time: '1970-01-01T00:00:01.500Z',
      close_time: '1970-01-01T00:00:02.000Z',
      ...{ address: '::1', client: 'shop', user: null, data: null },
    })
  })

  it('has a line for each part that it has', () => {
    expect(sessionLines(ENDED).split('\n')).toEqual([
      'session       s1',
      'user          alice',
      'name          Alice',
      'state         ended 1970-01-01T00:00:02.000Z',
      'opened        1970-01-01T00:00:00.000Z',
      'last request  1970-01-01T00:00:01.500Z',
      'address       ::1',
      'client        shop',
    ])
    expect(sessionLines(OPEN)).toContain('state         open')
  })

  it('is a row of a table, with the name of its user where there is one', () => {
    const [head, open, ended] = sessionTable([OPEN, { ...ENDED, userName: '' }]).split('\n')
    expect(head).toMatch(/^SESSION +USER +STATE +OPENED +LAST REQUEST +ADDRESS +CLIENT$/)
    expect(open).toMatch(/^s1 +alice \(Alice\) +open /)
    expect(ended).toMatch(/^s1 +alice +ended /)
  })
})
