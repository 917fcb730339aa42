import { describe, expect, it } from 'vitest'
import { commandableSessions } from '../../../src/commandable/commands.js'
import { memorySessions } from '../../support/seneca.js'
import { CALLER } from '../../support/sessions.js'

function setUp() {
  const { sessions } = memorySessions()
  const commandable = commandableSessions(sessions)
  const run = (command: string, args: object) =>
    commandable.run(command, Buffer.from(JSON.stringify(args)), CALLER)
  return { sessions, commandable, run }
}

describe('a command by name', () => {
  it('is one of the newer dialect alone', () => {
    const { commandable } = setUp()
    expect(commandable.has('open_session')).toBe(true)
    expect(commandable.has('load_session')).toBe(false)
    expect(commandable.has('constructor')).toBe(false)
  })

  it('answers null, and not its text, where there is nothing', async () => {
    const { run } = setUp()
    expect(await run('get_session_by_id', { session_id: 'none' })).toBeNull()
    expect(await run('close_expired_sessions', {})).toBeNull()
  })

  it('takes null and empty texts for arguments that are left out, of those that open a session', async () => {
    const { run } = setUp()
    const args = { user_id: 'ann', user_name: null, address: '', client: null, data: null }
    expect(JSON.parse((await run('open_session', args)) ?? '')).toMatchObject({
      ...{ user_id: 'ann', user_name: '', address: '', client: '', data: null },
    })
    await expect(run('open_session', { ...args, user_id: null })).rejects.toMatchObject({
      code: 'MISSING_FIELD',
    })
  })

  it('keeps what a session has digit for digit, and leaves it out of lists', async () => {
    const { sessions, run } = setUp()
    const data = '{"n":12345678901234567890}'
    const { id } = await sessions.open({ userId: 'ann', address: '', client: '', data })
    expect(await run('get_session_by_id', { session_id: id })).toContain(data)
    const page = JSON.parse((await run('get_sessions', { filter: null, paging: null })) ?? '')
    expect(page).toMatchObject({ total: null, data: [{ id, user_id: 'ann' }] })
    expect(page.data[0]).not.toHaveProperty('data')
  })

  it.each([
    ['what is no JSON', 'no'],
    ['what is no object', '[]'],
  ])('refuses %s', async (_, json) => {
    const { commandable } = setUp()
    const answer = commandable.run('get_sessions', Buffer.from(json), CALLER)
    await expect(answer).rejects.toMatchObject({ code: 'MALFORMED' })
  })
})
