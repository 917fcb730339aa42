import { describe, expect, it } from 'vitest'
import { Sessions } from '../../../../src/core/commands/sessions.js'
import { Expiry } from '../../../../src/core/endings/expiry.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import type { AuditEntry } from '../../../../src/core/operators/audit.js'
import type { Session } from '../../../../src/core/session.js'
import {
  deadlineKey,
  entryKey,
  indexKeys,
  openedKey,
  sealKey,
  sessionKey,
  TALLY_KEY,
} from '../../../../src/stores/level/layout/keys.js'
import { entryOf } from '../../../../src/stores/level/layout/opened.js'
import type { LevelStore } from '../../../../src/stores/level/store.js'
import { sized } from '../../../../src/stores/rows/key-parts.js'
import { NOW_MS, PORTS, problemsIn, withLevel } from '../../../support/care.js'
import { alter, collect, damaged, filledStore, openStore } from '../../../support/damage.js'
import { CALLER, NO_AUDIT } from '../../../support/sessions.js'
import { commandSession, EPOCHS, ended, insert } from '../../../support/store-sessions.js'

const ALICE = commandSession('alice')
const all = { skip: 0, take: 100, total: false }
const RECORD = /session "alice": its record/
/** A record with `open_time_ms`, field 5, of 2^63 − 1. */
const LATE = '28ffffffffffffffff7f'
const KEY = { owner: Uint8Array.of(1), signer: Uint8Array.of(2), key: 'token-1' }
/** In the range of deadlines, of a kind that there is not. */
const NO_DEADLINE = Buffer.from('x\0\0\0\0\0\0\0\x01\x07alice', 'latin1')

const walked = (store: LevelStore, userId: string) => collect(store.walkSessions(userId))

const insertKeyed = (store: LevelStore) =>
  store.insert({ userId: 'a', countOpenOfUser: false, idempotency: KEY }, () =>
    expect.unreachable(),
  )

describe('a row that was altered', () => {
  it.each<[string, Buffer, RegExp, (store: LevelStore) => Promise<unknown>]>([
    ['get', sessionKey('alice'), /session "alice": its record/, (store) => store.get('alice')],
    ['list', sessionKey('alice'), /session "alice": its record/, (store) => store.list(all)],
    [
      'findOpened',
      openedKey('alice', '192.0.2.1', 'browser'),
      /a list of sessions that a command opened/,
      (store) => store.findOpened('alice', '192.0.2.1', 'browser'),
    ],
    [
      'seal',
      sealKey('token-1'),
      /session "token-1": its sealed key/,
      (store) => store.seal('token-1'),
    ],
    [
      'update',
      sessionKey('alice'),
      /session "alice": its record/,
      (store) => store.update('alice', () => null),
    ],
    [
      'remove',
      sessionKey('alice'),
      /session "alice"/,
      (store) => store.remove('alice', () => true),
    ],
    [
      'insert',
      openedKey('alice', '192.0.2.1', 'browser'),
      /a list of sessions/,
      (store) => insert(store, commandSession('another')),
    ],
    [
      'walkSessions',
      indexKeys(ALICE)[1],
      /session "alice": its row in the list of its user/,
      (store) => collect(store.walkSessions('alice')),
    ],
    ['walkSeals', sealKey('token-2'), /session "token-2"/, (store) => collect(store.walkSeals())],
    [
      'a backup',
      sealKey('token-2'),
      /session "token-2": its sealed key/,
      (store) => collect(store.backup(0)),
    ],
  ])('is damage to %s, which names it', async (_, key, message, use) => {
    const location = await filledStore()
    await alter(location, key)
    const store = await openStore(location)
    await expect(use(store)).rejects.toEqual(damaged(message))
    expect(await problemsIn(await closed(store, location))).toEqual(
      expect.arrayContaining([expect.stringMatching(message)]),
    )
  })

  it.each<[string, Buffer, string, RegExp, (store: LevelStore) => Promise<unknown>]>([
    ['get', sessionKey('alice'), 'ff', RECORD, (store) => store.get('alice')],
    ['list', sessionKey('alice'), 'ff', RECORD, (store) => store.list(all)],
    ['list, a time beyond numbers', sessionKey('alice'), LATE, RECORD, (store) => store.list(all)],
    [
      'list far down',
      sessionKey('alice'),
      'ff',
      RECORD,
      (store) => store.list({ ...all, total: true, userId: 'alice' }),
    ],
    ['update', sessionKey('alice'), 'ff', RECORD, (store) => store.update('alice', () => null)],
    ['walkSessions', sessionKey('alice'), 'ff', RECORD, (store) => walked(store, 'alice')],
    ['insert', entryKey(KEY), 'ff', /idempotency key/, (store) => insertKeyed(store)],
    ['forget', entryKey(KEY), 'ff', /idempotency key/, (store) => store.forget(KEY, () => true)],
    [
      'settle',
      entryKey(KEY),
      'ff',
      /idempotency key/,
      (store) => store.settle([{ kind: 'idempotency', timeMs: 5, scope: KEY }]),
    ],
    [
      'walkIdempotency',
      entryKey(KEY),
      'ff',
      /idempotency key/,
      (store) => collect(store.walkIdempotency(KEY.owner)),
    ],
    [
      'findOpened',
      openedKey('alice', '192.0.2.1', 'browser'),
      '00',
      /a list of sessions that a command opened/,
      (store) => store.findOpened('alice', '192.0.2.1', 'browser'),
    ],
    ['due', NO_DEADLINE, '00', /a deadline/, (store) => store.due(Infinity, 100)],
    ['walkDeadlines', NO_DEADLINE, '00', /a deadline/, (store) => collect(store.walkDeadlines())],
  ])('and whose checksum is right is damage to %s all the same', async (...row) => {
    const [, key, value, message, use] = row
    const location = await filledStore()
    await withLevel(location, (level) => level.put(key, Buffer.from(value, 'hex')))
    const store = await openStore(location)
    await expect(use(store)).rejects.toEqual(damaged(message))
  })

  it('and counts open sessions keeps a store from being opened', async () => {
    const location = await filledStore()
    await withLevel(location, (level) => level.put(TALLY_KEY, Buffer.alloc(3)))
    await expect(openStore(location)).rejects.toEqual(damaged(/number of open sessions/))
  })

  it('keeps no user from what the quota leaves room for, and counts as open', async () => {
    const location = await filledStore()
    const filling = await openStore(location)
    for (const id of ['1', '2', '3', '4']) {
      await insert(filling, commandSession(id, { userId: 'carol', client: id }))
    }
    await filling.close()
    await alter(location, sessionKey('2'))
    await alter(location, openedKey('carol', '192.0.2.1', '3'))
    const store = await openStore(location)
    const told: string[] = []
    const { sessions } = expiring(store, told, { maxSessionsPerOwner: 3 })
    const open = (client: string) =>
      sessions.open({ userId: 'carol', address: '192.0.2.1', client })
    await open('5')
    expect(told).toEqual([
      'session "2": its record fails its checksum',
      'a list of sessions that a command opened fails its checksum',
    ])
    await expect(open('6')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(await store.get('4')).toMatchObject({ active: false })
  })

  it('is damage to a list whose key it is, although lists read no checksums of keys', async () => {
    const location = await filledStore()
    await withLevel(location, async (level) => {
      const [byTime] = indexKeys(ALICE)
      const key = Buffer.from(byTime)
      key[9] = (key[9] as number) ^ 2
      await level.del(byTime)
      await level.put(key, Uint8Array.of(0))
    })
    await expect((await openStore(location)).list(all)).rejects.toEqual(
      damaged(/a list names session "alice" where it does not stand/),
    )
  })

  it('of another user is damage to a list whose altered key gives it to this one', async () => {
    const location = await filledStore()
    await withLevel(location, async (level) => {
      const [, byUser] = indexKeys(ALICE)
      const key = Buffer.from(byUser)
      key.write('alicf', 3)
      await level.del(byUser)
      await level.put(key, Uint8Array.of())
    })
    const store = await openStore(location)
    const message = /a list names session "alice" where it does not stand/
    for (const query of [{ userId: 'alicf' }, { userId: 'alicf', active: true }]) {
      await expect(store.list({ ...all, ...query })).rejects.toEqual(damaged(message))
    }
    await expect(collect(store.walkSessions('alicf'))).rejects.toEqual(damaged(message))
  })

  it('that a list names and that is not there is damage too', async () => {
    const location = await filledStore()
    await withLevel(location, (level) => level.del(sessionKey('alice')))
    const store = await openStore(location)
    const message = /a list names session "alice", which has no record/
    await expect(store.list(all)).rejects.toEqual(damaged(message))
    await expect(collect(store.walkSessions('alice'))).rejects.toEqual(damaged(message))
  })

  it('does not keep the sweep from the others, and is told of once', async () => {
    const location = await filledStore()
    await alter(location, sessionKey('alice'))
    const store = await openStore(location)
    const told: string[] = []
    const { expiry } = expiring(store, told)
    await expiry.sweep.run()
    expect(await store.get('bob')).toMatchObject({ active: false })
    await expiry.sweep.run()
    await expiry.sweep.step()
    expect(told).toEqual(['session "alice": its record fails its checksum'])
  })

  it('that is due keeps nobody from a list, nor from the rest of a walk', async () => {
    const location = await filledStore()
    const store = await openStore(location)
    const count = 500
    const ids = Array.from({ length: count }, (_, i) => `damaged-${i}`)
    const sweepAtMs = 1
    await Promise.all(ids.map((id) => insert(store, commandSession(id), { sweepAtMs })))
    await store.close()
    await withLevel(location, ({ bare }) =>
      bare.batch(
        ids.map((id) => ({ type: 'put', key: sessionKey(id), value: Buffer.alloc(8) }) as const),
      ),
    )
    const damagedStore = await openStore(location)
    const told: string[] = []
    const { sessions, expiry } = expiring(damagedStore, told)
    await sessions.list({ userId: 'bob' })
    expect(told).toHaveLength(count)
    expect(await damagedStore.get('bob')).toMatchObject({ active: true })
    await expiry.sweep.drain()
    expect(await damagedStore.get('bob')).toMatchObject({ active: false })
    expect(told).toHaveLength(count)
  })

  it('is not needed: a list that names ended sessions leads to none of them', async () => {
    const location = await filledStore()
    const gone = ended(commandSession('gone', { openTimeMs: 3000 }))
    const key = openedKey('bob', '192.0.2.1', 'browser')
    const store = await openStore(location)
    await insert(store, gone)
    const bob = (await store.get('bob')) as Session
    await store.close()
    await withLevel(location, (level) =>
      level.put(key, Buffer.concat([gone, bob].map((session) => sized(entryOf(session))))),
    )
    const stale = await openStore(location)
    const place = ['bob', '192.0.2.1', 'browser'] as const
    expect(await stale.findOpened(...place)).toEqual(bob)
    const reuse = { address: '192.0.2.1', client: 'browser' }
    const seen = async () => {
      let found: string | undefined
      await stale.insert({ userId: 'bob', reuse, countOpenOfUser: false }, ({ reusable }) => {
        found = reusable?.id
        return { keep: bob }
      })
      return found
    }
    expect(await seen()).toBe('bob')
    const closes: unknown[] = []
    const { sessions } = expiring(stale, [], { onAudited: (entry) => closes.push(entry) })
    await sessions.closeOpened(...place, CALLER)
    expect(closes).toHaveLength(1)
    expect(await stale.findOpened(...place)).toBeUndefined()
    expect(await seen()).toBeUndefined()
  })

  it('that is a deadline is passed over by the sweep, and told of', async () => {
    const location = await filledStore()
    const timeMs = PORTS.dueAtMs(ALICE)
    await alter(location, deadlineKey({ kind: 'session', timeMs, id: 'alice' }))
    const told: string[] = []
    const store = await openStore(location, { onDamage: (problem) => told.push(problem) })
    const due = await store.due(Number.MAX_SAFE_INTEGER, 100)
    expect(due.length).toBeGreaterThan(3)
    expect(due.map((deadline) => 'id' in deadline && deadline.id)).not.toContain('alice')
    expect(told).toEqual(['session "alice": a deadline fails its checksum'])
  })
})

/** What ends sessions at once that were not asked for a second. */
function expiring(
  store: LevelStore,
  told: string[],
  { maxSessionsPerOwner = 0, onAudited = (_entry: AuditEntry) => {} } = {},
) {
  const clock = new EpochClock(EPOCHS, () => 100 * NOW_MS)
  const limits = { idleTimeoutMs: 1000, maxSessionAgeMs: 0, retentionMs: 1e12 }
  const expiry = new Expiry(store, clock, limits, (problem) => told.push(problem))
  const audit = { ...NO_AUDIT, record: async (entry: AuditEntry) => onAudited(entry) }
  const ports = { store, expiry, clock, audit, newId: () => 'new' }
  const most = {
    maxSessionsPerOwner,
    maxSessions: 0,
    maxDataBytes: 1000,
    atLimit: 'refuse' as const,
  }
  return { expiry, sessions: new Sessions(ports, most) }
}

async function closed(store: LevelStore, location: string): Promise<string> {
  await store.close()
  return location
}
