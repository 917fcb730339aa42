import { describe, expect, it } from 'vitest'
import type { Session } from '../../../../../src/core/session.js'
import { type Kept, KeptSessions } from '../../../../../src/stores/level/read/kept-sessions.js'
import { commandSession } from '../../../../support/store-sessions.js'

const before = commandSession('alice')
const after = { ...before, data: '{"n":2}' }
const change = { before, after }

/** A read that goes on until `end` is called. */
function readIn(sessions: KeptSessions): { kept: Kept; end: () => Promise<void> } {
  let finish = () => {}
  let kept: Kept | undefined
  const reading = sessions.during(async (own) => {
    kept = own
    await new Promise<void>((resolve) => {
      finish = resolve
    })
  })
  const end = () => {
    finish()
    return reading
  }
  return { kept: kept as unknown as Kept, end }
}

/** Keeps a session as a read of its own finds it. */
function keep(sessions: KeptSessions, session: Session): Promise<void> {
  return sessions.during(async (kept) => kept.keep(session))
}

describe('the sessions that reads keep', () => {
  it('are there for the next read', async () => {
    const sessions = new KeptSessions()
    await keep(sessions, before)
    expect(sessions.now.get('alice')).toBe(before)
    expect(await sessions.during(async (kept) => kept.get('alice'))).toBe(before)
  })

  it.each([
    ['changes', change],
    ['deletes', { before, after: null }],
    ['makes anew', { before: null, after }],
  ])('are gone once a commit that %s them begins', async (_, changed) => {
    const sessions = new KeptSessions()
    await keep(sessions, before)
    sessions.committing([changed])
    expect(sessions.now.get('alice')).toBeUndefined()
  })

  it('are not those of a snapshot from before a commit', async () => {
    const sessions = new KeptSessions()
    const reading = readIn(sessions)
    sessions.committing([change])
    sessions.committed()
    reading.kept.keep(before)
    expect(sessions.now.get('alice')).toBeUndefined()
    await reading.end()
  })

  it('are not those that a commit under way changes: a snapshot may or may not show it', async () => {
    const sessions = new KeptSessions()
    sessions.committing([change])
    const reading = readIn(sessions)
    reading.kept.keep(before)
    sessions.now.keep(before)
    sessions.committed()
    reading.kept.keep(before)
    expect(sessions.now.get('alice')).toBeUndefined()
    await reading.end()
    await keep(sessions, after)
    expect(sessions.now.get('alice')).toBe(after)
  })

  it('are no part of a snapshot from before they changed', async () => {
    const sessions = new KeptSessions()
    const reading = readIn(sessions)
    sessions.committing([change])
    sessions.committed()
    await keep(sessions, after)
    expect(reading.kept.get('alice')).toBeUndefined()
    expect(sessions.now.get('alice')).toBe(after)
    await reading.end()
  })

  it('stay while commits change others', async () => {
    const sessions = new KeptSessions()
    const reading = readIn(sessions)
    sessions.committing([{ before: null, after: commandSession('bob') }])
    reading.kept.keep(before)
    expect(sessions.now.get('alice')).toBe(before)
    await reading.end()
  })

  it('take no more memory than they may', async () => {
    const sessions = new KeptSessions()
    const data = JSON.stringify('x'.repeat(1024 * 1024))
    const ids = Array.from({ length: 20 }, (_, i) => `session ${i}`)
    for (const id of ids) {
      await keep(sessions, commandSession(id, { data }))
    }
    const left = ids.filter((id) => sessions.now.get(id) !== undefined)
    expect(left).toEqual(ids.slice(-7))
  })

  it('are forgotten when the database is opened again', async () => {
    const sessions = new KeptSessions()
    await keep(sessions, before)
    sessions.committing([{ before: null, after: commandSession('bob') }])
    sessions.reset()
    expect(sessions.now.get('alice')).toBeUndefined()
    await keep(sessions, commandSession('bob'))
    expect(sessions.now.get('bob')).toBeDefined()
  })
})
