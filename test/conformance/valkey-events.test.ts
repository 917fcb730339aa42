import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { SessionChange } from '../../src/core/events.js'
import type { Session } from '../../src/core/session.js'
import type { ValkeyStore } from '../../src/stores/valkey/store.js'
import { commandSession, ended, insert, tokenSession } from '../support/store-sessions.js'
import { describeEngines, startValkey } from '../support/valkey-cluster.js'
import { openValkeyStore } from '../support/valkey-store.js'

/** What a server hears of its store, and the sessions as it must take them to be. */
function listenTo(store: ValkeyStore) {
  const heard: { id: string; change: SessionChange }[] = []
  const sessions = new Map<string, Session | null>()
  const waiting: (() => void)[] = []
  let missed = 0
  const wake = () => {
    for (const look of waiting) {
      look()
    }
  }
  store.subscribe(
    (change, id) => {
      heard.push({ id, change })
      sessions.set(id, change.after)
      wake()
    },
    () => {
      missed++
      wake()
    },
  )
  return {
    heard,
    sessions,
    get missed() {
      return missed
    },
    until: (isSo: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => isSo() && resolve()
        waiting.push(look)
        look()
      }),
  }
}

async function twoServers(program: string) {
  const node = await startValkey(onTestFinished, { program })
  const damage: string[] = []
  const open = async () => {
    const hooks = { onDamage: (problem: string) => damage.push(problem) }
    const store = await openValkeyStore(node.address, {}, hooks)
    onTestFinished(() => store.close())
    return { store, ear: listenTo(store) }
  }
  return { node, damage, one: await open(), other: await open() }
}

const at = (
  ear: ReturnType<typeof listenTo>,
  id: string,
  isSo: (after: Session | null) => boolean,
) => ear.until(() => ear.sessions.has(id) && isSo(ear.sessions.get(id) as Session | null))

describeEngines('what one server changes in', ({ program }) => {
  it('reaches the listeners of another one, in order, until it is deleted', async () => {
    const { one, other } = await twoServers(program)
    const session = commandSession('1')
    await insert(one.store, session)
    await at(other.ear, '1', (after) => after !== null)
    const renamed = { ...session, userName: 'another', requestTimeMs: 2000 }
    await one.store.update('1', () => ({ session: renamed }))
    await at(other.ear, '1', (after) => after?.userName === 'another')
    await one.store.update('1', () => ({ session: ended(renamed) }))
    await at(other.ear, '1', (after) => after?.active === false)
    await one.store.remove('1', () => true)
    await at(other.ear, '1', (after) => after === null)
    expect(other.ear.heard.map(({ change }) => change.after)).toEqual([
      session,
      renamed,
      ended(renamed),
      null,
    ])
    expect(one.ear.heard).toHaveLength(4)
  })

  it('leads another one to the endings that it heard of, whatever the ids of the sessions', async () => {
    const { one, other } = await twoServers(program)
    const { cursor } = await other.store.endings(new Uint8Array(), 10)
    const ids = Array.from({ length: 10 }, () => randomUUID())
    for (const id of ids) {
      await insert(one.store, tokenSession(id, { userId: `user of ${id}` }))
      await one.store.update(id, (session) => ({ session: ended(session) }))
      await at(other.ear, id, (after) => after?.active === false)
    }
    const { endings } = await other.store.endings(cursor, 10, new Set(ids))
    expect(endings.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  })

  it('is heard of where the message that tells of it is lost', async () => {
    const { node, one, other } = await twoServers(program)
    await insert(one.store, commandSession('1'))
    await at(other.ear, '1', (after) => after !== null)
    await node.call('CLIENT', 'KILL', 'TYPE', 'PUBSUB')
    await insert(one.store, commandSession('2', { address: 'b' }))
    await at(other.ear, '2', (after) => after !== null)
    expect(other.ear.missed).toBe(0)
  })

  it('is heard of by one that gets no messages', async () => {
    const { node, one } = await twoServers(program)
    await node.call('ACL', 'SETUSER', 'deaf', 'on', 'nopass', '~*', 'resetchannels', '+@all')
    const deaf = await openValkeyStore(node.address, { user: 'deaf', password: () => '' })
    onTestFinished(() => deaf.close())
    const ear = listenTo(deaf)
    const session = commandSession('1')
    await insert(one.store, session)
    await at(ear, '1', (after) => after !== null)
    const renamed = { ...session, userName: 'another', requestTimeMs: 2000 }
    await one.store.update('1', () => ({ session: renamed }))
    await at(ear, '1', (after) => after?.userName === 'another')
    expect(ear.heard.map(({ change }) => change.after)).toEqual([session, renamed])
    expect(ear.missed).toBe(0)
  })

  it('is not said to be missed by a server that writes more than the stream keeps before it looks', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const { one, other } = await twoServers(program)
    for (let i = 0; i < 1200; i += 100) {
      const ids = Array.from({ length: 100 }, (_, at) => `${i + at}`)
      await Promise.all(ids.map((id) => insert(one.store, commandSession(id, { address: id }))))
    }
    await other.store.update('0', (current) => ({ session: { ...current, requestTimeMs: 2000 } }))
    await at(one.ear, '0', (after) => after?.requestTimeMs === 2000)
    expect(one.ear.missed).toBe(0)
  })

  it('is said to be missed where the stream was cut off behind what was read', async () => {
    const { node, one, other } = await twoServers(program)
    await insert(one.store, commandSession('1'))
    await at(other.ear, '1', (after) => after !== null)
    for (const stream of (await node.call('KEYS', '*}e')) as string[]) {
      await node.call('XTRIM', stream, 'MAXLEN', '0')
    }
    await other.ear.until(() => other.ear.missed > 0)
    await insert(one.store, commandSession('2', { address: 'b' }))
    await at(other.ear, '2', (after) => after !== null)
  })

  it('is heard of behind an entry that no server wrote, which is reported once', async () => {
    const { node, one, other, damage } = await twoServers(program)
    await insert(one.store, commandSession('1'))
    await at(other.ear, '1', (after) => after !== null)
    const [stream] = (await node.call('KEYS', '*}e')) as string[]
    await node.call('XADD', stream as string, '*', 'foreign', 'entry')
    await one.store.update('1', (current) => ({ session: { ...current, requestTimeMs: 2000 } }))
    await at(other.ear, '1', (after) => after?.requestTimeMs === 2000)
    // Once by each server: the other may have been the first to read it.
    await expect.poll(() => damage).toHaveLength(2)
    expect(new Set(damage).size).toBe(1)
  })

  it('is told of once, and never again as it was before, whoever else changes it', async () => {
    const { one, other } = await twoServers(program)
    const servers = [one, other]
    let number = 0
    const step = fc.record({ server: fc.nat(1), id: fc.nat(2), ends: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const run = ++number
        const idOf = (id: number) => `${run} ${id}`
        await Promise.all(
          [0, 1, 2].map((id) => insert(one.store, commandSession(idOf(id), { address: idOf(id) }))),
        )
        await Promise.all(
          steps.map(({ server, id, ends }) =>
            (servers[server] as typeof one).store.update(idOf(id), (current) => {
              const next = { ...current, requestTimeMs: current.requestTimeMs + 1 }
              return { session: ends && current.active ? ended(next) : next }
            }),
          ),
        )
        for (const id of [0, 1, 2].map(idOf)) {
          const session = (await one.store.get(id)) as Session
          for (const { ear } of servers) {
            await at(ear, id, (after) => after?.requestTimeMs === session.requestTimeMs)
            expect(ear.sessions.get(id)).toEqual(session)
            const times = ear.heard
              .filter((one) => one.id === id)
              .map(({ change }) => change.after?.requestTimeMs as number)
            expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
          }
        }
      }),
      { numRuns: 20 },
    )
    expect([one.ear.missed, other.ear.missed]).toEqual([0, 0])
  })
})
