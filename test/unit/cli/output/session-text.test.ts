import { describe, expect, it } from 'vitest'
import { sessionJson, sessionLines, sessionTable } from '../../../../src/cli/output/session-text.js'
import type { SessionInfo } from '../../../../src/client/index.js'

const OPEN: SessionInfo<string> = {
  ...{ id: 's1', userId: 'alice', userName: 'Alice', active: true, address: '::1', client: 'shop' },
  ...{ openTimeMs: 0, requestTimeMs: 1500, closeTimeMs: null },
  ...{ user: null, data: '{"n": 12345678901234567890.10}' },
  ...{ kind: 'command', expiresAtMs: 2500, ending: null },
}
const ENDED: SessionInfo<string> = {
  ...{ ...OPEN, active: false, closeTimeMs: 2000, data: null, expiresAtMs: null },
  ending: { reason: 'closed', by: 'admin token' },
}

describe('a session', () => {
  it('is SessionV1 as JSON and what that has no fields for, with its data digit for digit', () => {
    expect(sessionJson(OPEN)).toContain('"data":{"n": 12345678901234567890.10}}')
    expect(JSON.parse(sessionJson(ENDED))).toEqual({
      ...{ id: 's1', user_id: 'alice', user_name: 'Alice', active: false },
      open_time: '1970-01-01T00:00:00.000Z',
      request_time: '1970-01-01T00:00:01.500Z',
      close_time: '1970-01-01T00:00:02.000Z',
      ...{ address: '::1', client: 'shop', user: null, data: null },
      ...{ kind: 'command', expire_time: null },
      ending: { reason: 'closed', by: 'admin token' },
    })
    expect(JSON.parse(sessionJson(OPEN))).toMatchObject({
      expire_time: '1970-01-01T00:00:02.500Z',
      ending: null,
    })
    const endless = { ...OPEN, expiresAtMs: Number.MAX_SAFE_INTEGER }
    expect(JSON.parse(sessionJson(endless)).expire_time).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('has a line for each part that it has', () => {
    expect(sessionLines(ENDED).split('\n')).toEqual([
      'session       s1',
      'kind          command',
      'user          alice',
      'name          Alice',
      'state         ended 1970-01-01T00:00:02.000Z (closed by admin token)',
      'opened        1970-01-01T00:00:00.000Z',
      'last request  1970-01-01T00:00:01.500Z',
      'address       ::1',
      'client        shop',
    ])
    expect(sessionLines(OPEN)).toContain('state         open')
    expect(sessionLines(OPEN)).toContain('expires       1970-01-01T00:00:02.500Z')
    expect(sessionLines({ ...OPEN, expiresAtMs: null })).toContain('expires       never')
    const untold = sessionLines({ ...OPEN, kind: null, expiresAtMs: null })
    expect(untold).toContain('expires       unknown')
    expect(untold).not.toContain('kind')
    const idle = { ...ENDED, ending: { reason: 'idle', by: null } }
    expect(sessionLines(idle)).toContain('00:00:02.000Z (idle)\n')
    expect(sessionLines({ ...ENDED, ending: null })).toContain('00:00:02.000Z\n')
  })

  it('is a row of a table, with the name of its user where there is one', () => {
    const [head, open, ended] = sessionTable([OPEN, { ...ENDED, userName: '' }]).split('\n')
    expect(head).toMatch(
      /^SESSION +KIND +USER +STATE +OPENED +LAST REQUEST +EXPIRES +ADDRESS +CLIENT$/,
    )
    expect(open).toMatch(/^s1 +command +alice \(Alice\) +open /)
    expect(ended).toMatch(/^s1 +command +alice +closed /)
    const unknown = sessionTable([{ ...ENDED, ending: null }])
    expect(unknown).toMatch(/\ns1 +command +alice \(Alice\) +ended /)
  })

  it('has the name that its owner is listed by beside the id', () => {
    const token: SessionInfo<string> = { ...OPEN, kind: 'token', userId: 'BzWHaQU', userName: '' }
    expect(sessionTable([token])).toMatch(/\ns1 +token +BzWHaQU \(alice\) /)
    expect(sessionLines(token)).toMatch(/\nuser +BzWHaQU\nname +alice\n/)
    const command = sessionTable([{ ...token, kind: 'command' }])
    expect(command).toMatch(/\ns1 +command +BzWHaQU +open /)
  })
})
