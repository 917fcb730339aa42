import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, it, onTestFinished, vi } from 'vitest'
import { StoreUnavailableError } from '../../../../../src/core/errors.js'
import type { Session } from '../../../../../src/core/session.js'
import type { SessionStore } from '../../../../../src/core/store.js'
import { LevelStore, type LevelStoreOptions } from '../../../../../src/stores/level/store.js'
import { auditLevel } from '../../../../support/level-audit.js'
import { Observed } from '../../../../support/level-engine.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, EPOCHS, insert, listIds } from '../../../../support/store-sessions.js'

async function setUp(options: Partial<LevelStoreOptions> = {}) {
  const location = await temporaryDirectory(onTestFinished)
  const observed = new Observed(location)
  const store = await LevelStore.over(observed.database, { epochs: EPOCHS, ...options })
  onTestFinished(() => store.close())
  observed.writes.length = 0
  return { location, observed, store }
}

function sessionOf(userId: string) {
  return commandSession(userId, { userId })
}

function openOfUser(store: SessionStore, userId: string): Promise<number> {
  return new Promise((resolve, reject) => {
    store
      .insert({ userId, countOpenOfUser: true }, (seen) => {
        resolve(seen.openOfUser)
        return { keep: sessionOf(userId) }
      })
      .catch(reject)
  })
}

/** What an insert sees at session 1's place. */
function findBeforeInsert(store: SessionStore): Promise<Session> {
  const scope = {
    userId: '1',
    reuse: { address: '192.0.2.1', client: 'browser' },
    countOpenOfUser: false,
  }
  return store.insert(scope, ({ reusable }) => ({ keep: reusable as Session }))
}

/** Tries a write until it is taken again. */
async function untilTaken(store: SessionStore): Promise<void> {
  for (;;) {
    try {
      return await store.settle([{ kind: 'session', timeMs: 0, id: '' }])
    } catch (error) {
      expect(error).toBeInstanceOf(StoreUnavailableError)
      await setImmediate()
    }
  }
}

function failOnce(observed: Observed): void {
  observed.onWrite = async () => {
    observed.onWrite = (write) => write()
    throw new Error('disk full')
  }
}

function deferred() {
  let settle = () => {}
  const promise = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { promise, resolve: () => settle() }
}

it('writes what comes at once in one synced batch', async () => {
  const { store, observed } = await setUp()
  const users = Array.from({ length: 64 }, (_, i) => `user ${i}`)
  await Promise.all(users.map((userId) => insert(store, sessionOf(userId), { sweepAtMs: 1 })))
  // Record, three indexes and a deadline each, and the count.
  expect(observed.writes).toEqual([{ rows: 64 * 5 + 1, sync: true }])
})

it('tells how long commits took, and of how many writes each was', async () => {
  const commits: [durationMs: number, writes: number][] = []
  let waiting = 0
  let mostWaiting = 0
  const { store, observed } = await setUp({
    onCommit: (...commit) => commits.push(commit),
    onWrite: () => {
      mostWaiting = Math.max(mostWaiting, ++waiting)
      return () => waiting--
    },
  })
  await Promise.all(['1', '2', '3'].map((userId) => insert(store, sessionOf(userId))))
  expect(commits).toEqual([[expect.any(Number), 3]])
  failOnce(observed)
  await expect(insert(store, sessionOf('4'))).rejects.toThrow(StoreUnavailableError)
  expect(commits).toHaveLength(1)
  expect({ waiting, mostWaiting, queued: store.queueDepth }).toEqual({
    ...{ waiting: 0, mostWaiting: 3, queued: 0 },
  })
})

it('writes what comes during a commit together in the next', async () => {
  const { store, observed } = await setUp()
  const held = deferred()
  const begun = deferred()
  observed.onWrite = async (write) => {
    begun.resolve()
    await held.promise
    await write()
  }
  const first = insert(store, sessionOf('1'))
  await begun.promise
  const others = ['2', '3', '4'].map((userId) => insert(store, sessionOf(userId)))
  await setImmediate()
  held.resolve()
  await Promise.all([first, ...others])
  expect(observed.writes).toHaveLength(2)
})

it('forces to the disk only what must be there', async () => {
  const { store, observed } = await setUp()
  await Promise.all(['1', '2'].map((userId) => insert(store, sessionOf(userId))))
  observed.writes.length = 0
  const touch = (id: string, durable: boolean) =>
    store.update(id, (session) => ({ session: { ...session, requestTimeMs: 2000 } }), { durable })
  await touch('1', false)
  await Promise.all([touch('1', false), touch('2', true)])
  expect(observed.writes.map(({ sync }) => sync)).toEqual([false, true])
})

it('does not sync where it is told not to', async () => {
  const { store, observed } = await setUp({ sync: false })
  await insert(store, sessionOf('1'))
  expect(observed.writes).toMatchObject([{ sync: false }])
})

it('rejects the group that fails and all behind it, then recovers', async () => {
  const { store, observed, location } = await setUp()
  await insert(store, sessionOf('kept'))
  const cause = new Error('disk full')
  const held = deferred()
  const begun = deferred()
  observed.onWrite = async () => {
    begun.resolve()
    await held.promise
    throw cause
  }
  const changes: unknown[] = []
  store.subscribe((change) => changes.push(change))
  const failing = [insert(store, sessionOf('1')), insert(store, sessionOf('2'))]
  await begun.promise
  failing.push(insert(store, sessionOf('3')))
  failing.push(store.remove('kept', () => true) as Promise<never>)
  await setImmediate()
  observed.onWrite = (write) => write()
  held.resolve()
  for (const result of await Promise.allSettled(failing)) {
    expect(result).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE', cause } })
  }
  await expect(insert(store, sessionOf('4'))).rejects.toThrow(StoreUnavailableError)
  await expect(store.get('kept')).resolves.toEqual(sessionOf('kept'))

  await untilTaken(store)
  await insert(store, sessionOf('5'))
  expect(observed.closes).toBe(1)
  expect(changes).toEqual([{ before: null, after: sessionOf('5') }])
  await expect(listIds(store)).resolves.toEqual(['5', 'kept'])
  await expect(store.countOpen()).resolves.toBe(2)
  await expect(openOfUser(store, '1')).resolves.toBe(0)
  await store.close()
  await expect(auditLevel(location)).resolves.toEqual([])
})

it('learns that a write which failed had reached the disk after all', async () => {
  const { store, observed, location } = await setUp()
  const openedBefore = commandSession('a', { userId: 'alice' })
  const opened = commandSession('b', { userId: 'alice' })
  await insert(store, openedBefore, { sweepAtMs: 500 })
  await store.settle(await store.due(1000, 10))
  await store.due(1000, 10)
  await expect(openOfUser(store, 'alice')).resolves.toBe(1)
  const changes: unknown[] = []
  store.subscribe((change) => changes.push(change))
  observed.onWrite = async (write) => {
    observed.onWrite = (next) => next()
    await write()
    throw new Error('the disk said no too late')
  }
  await expect(insert(store, opened, { sweepAtMs: 100 })).rejects.toThrow(StoreUnavailableError)
  await untilTaken(store)
  await expect(store.get('b')).resolves.toEqual(opened)
  expect(changes).toEqual([{ before: null, after: opened }])
  await expect(store.countOpen()).resolves.toBe(2)
  await expect(openOfUser(store, 'alice')).resolves.toBe(2)
  await expect(store.due(1000, 10)).resolves.toEqual([{ kind: 'session', timeMs: 100, id: 'b' }])
  await store.close()
  await expect(auditLevel(location)).resolves.toEqual([])
})

it('lets reads wait while it reopens', async () => {
  const { store, observed } = await setUp()
  await insert(store, sessionOf('1'))
  const closing = deferred()
  const held = deferred()
  observed.onClose = () => {
    closing.resolve()
    return held.promise
  }
  failOnce(observed)
  await expect(insert(store, sessionOf('2'))).rejects.toThrow(StoreUnavailableError)
  await closing.promise
  observed.failure = new Error('it is being reopened')
  const reads = [
    store.get('1'),
    store.findOpened('1', '192.0.2.1', 'browser'),
    listIds(store),
    findBeforeInsert(store),
  ]
  await setImmediate()
  observed.failure = null
  held.resolve()
  await expect(Promise.all(reads)).resolves.toEqual([
    sessionOf('1'),
    sessionOf('1'),
    ['1'],
    sessionOf('1'),
  ])
})

it('counts what a failed write left in the database before an insert that waited for it', async () => {
  const { store, observed } = await setUp()
  await insert(store, commandSession('a', { userId: 'alice' }))
  await expect(openOfUser(store, 'alice')).resolves.toBe(1)
  const closing = deferred()
  const held = deferred()
  observed.onClose = () => {
    closing.resolve()
    return held.promise
  }
  observed.onWrite = async (write) => {
    observed.onWrite = (next) => next()
    await write()
    throw new Error('the disk said no too late')
  }
  const unknown = insert(store, commandSession('b', { userId: 'alice' }))
  await expect(unknown).rejects.toThrow(StoreUnavailableError)
  await closing.promise
  const counted = openOfUser(store, 'alice')
  await setImmediate()
  held.resolve()
  await expect(counted).resolves.toBe(2)
})

it('stays open for reads until there is room, and can be closed meanwhile', async () => {
  const { store, observed, location } = await setUp()
  await insert(store, sessionOf('1'))
  vi.spyOn(observed.database, 'probe').mockRejectedValue(new Error('no room'))
  failOnce(observed)
  const failed = insert(store, sessionOf('2'))
  await expect(failed).rejects.toThrow(StoreUnavailableError)
  for (let i = 0; i < 10; i++) {
    await expect(store.get('1')).resolves.toEqual(sessionOf('1'))
    await expect(insert(store, sessionOf('2'))).rejects.toThrow(StoreUnavailableError)
    await setImmediate()
  }
  expect(observed.closes).toBe(0)
  await store.close()
  expect(observed.closes).toBe(1)
  await expect(auditLevel(location)).resolves.toEqual([])
})

it('tries again where there was no room', async () => {
  const { store, observed } = await setUp()
  const probe = vi.spyOn(observed.database, 'probe').mockRejectedValueOnce(new Error('no room'))
  failOnce(observed)
  await expect(insert(store, sessionOf('1'))).rejects.toThrow(StoreUnavailableError)
  await untilTaken(store)
  expect(probe).toHaveBeenCalledTimes(2)
  await insert(store, sessionOf('1'))
  await expect(listIds(store)).resolves.toEqual(['1'])
})

it('takes no write any more where the files are taken away while it recovers', async () => {
  let recoveries = 0
  const { location, store, observed } = await setUp({ onRecovery: () => recoveries++ })
  const closing = deferred()
  const closed = deferred()
  observed.onClose = () => {
    closing.resolve()
    return closed.promise
  }
  failOnce(observed)
  await expect(insert(store, sessionOf('alice'))).rejects.toThrow(StoreUnavailableError)
  await closing.promise
  await rename(location, `${location}-elsewhere`)
  expect(store.health().isLost).toBe(true)
  await rename(`${location}-elsewhere`, location)
  closed.resolve()
  // Waits until the database is open again.
  expect(await store.get('alice')).toBeUndefined()
  expect(store.isWritable).toBe(false)
  await expect(insert(store, sessionOf('bob'))).rejects.toThrow(/taken away/)
  expect(recoveries).toBe(0)
})

it('does not reopen a database whose log is damaged, and takes no more writes', async () => {
  const damages: string[] = []
  const { location, store, observed } = await setUp({ onDamage: (line) => damages.push(line) })
  await insert(store, sessionOf('kept'))
  const [log = ''] = (await readdir(location)).filter((name) => name.endsWith('.log'))
  const bytes = await readFile(join(location, log))
  bytes[40] = (bytes[40] as number) ^ 1
  await writeFile(join(location, log), bytes)
  failOnce(observed)
  await expect(insert(store, sessionOf('lost'))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
  })
  await expect
    .poll(() => damages)
    .toEqual([expect.stringMatching(/\.log: a record fails its checksum/)])
  await expect(insert(store, sessionOf('later'))).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  expect(await store.get('kept')).toBeDefined()
  expect(await readFile(join(location, log))).toEqual(bytes)
  expect(await readdir(location)).toContain('CURRENT')
})
