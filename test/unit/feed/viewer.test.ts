import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Sessions } from '../../../src/core/commands/sessions.js'
import { FeedHub } from '../../../src/feed/hub.js'
import { Batch, Message } from '../../../src/feed/message.js'
import { fakeViewer, handTimers, payloadsOf } from '../../support/feed.js'
import { CALLER, sessionsAt } from '../../support/sessions.js'

async function start(maxSessions = 100, limits: Parameters<typeof sessionsAt>[0] = {}) {
  const { sessions, store, time } = sessionsAt(limits)
  const timers = handTimers()
  const onError = (error: unknown) => expect.fail(`${error}`)
  // Stands still within a turn. A busy hub waits for it before it makes changes.
  let clockMs = 0
  const nowMs = () => clockMs
  const hub = new FeedHub(store, { maxSessions, onError, after: timers.after, nowMs })
  await hub.load()
  onTestFinished(() => hub.close())
  const serve = () => {
    while (timers.turn()) {
      clockMs += 100
    }
  }
  return { hub, sessions, serve, timers, time }
}

const args = (n: number) => ({ userId: `u${n}`, address: 'a', client: 'web' })

describe('a viewer of the session list', () => {
  it.each<[string, (sessions: Sessions, id: string) => Promise<unknown>]>([
    ['open', (sessions) => sessions.open(args(2))],
    ['store data', (sessions, id) => sessions.storeData(id, '{"session_name":"x"}')],
    ['update a user', (sessions, id) => sessions.updateUser(id, '{"is_patron":true}')],
    ['close', (sessions, id) => sessions.close(id, CALLER)],
    ['delete', (sessions, id) => sessions.delete(id, {}, CALLER)],
    [
      'open one more than is listed',
      async (sessions) => {
        for (let n = 2; n < 5; n++) {
          await sessions.open(args(n))
        }
      },
    ],
  ])('is told nothing before the answer to who makes the change: %s', async (_, change) => {
    const { hub, sessions, serve } = await start(3)
    const { id } = await sessions.open(args(1))
    const { socket, client, read } = fakeViewer(hub)
    serve()
    read()
    const writes = socket.writes
    const before = JSON.stringify(client.content())
    await change(sessions, id)
    expect(socket.writes).toBe(writes)
    serve()
    read()
    expect(client.problems).toEqual([])
    expect(JSON.stringify(client.content())).not.toBe(before)
  })

  it('gets what happens within a moment in one write', async () => {
    const { hub, sessions, serve } = await start(10)
    const viewers = [fakeViewer(hub), fakeViewer(hub)]
    serve()
    const writes = viewers.map(({ socket }) => socket.writes)
    for (let n = 0; n < 25; n++) {
      await sessions.open(args(n))
    }
    serve()
    expect(viewers.map(({ socket }, i) => socket.writes - (writes[i] ?? 0))).toEqual([1, 1])
    for (const { client, read } of viewers) {
      read()
      expect(client.problems).toEqual([])
      expect(client.sessions.size).toBe(10)
    }
  })

  it('is told nothing of new sessions that newer ones hide before it can be told of them', async () => {
    const { hub, sessions, serve, time } = await start(5)
    const { client, read } = fakeViewer(hub)
    const receive = vi.spyOn(client, 'receive')
    const ids: string[] = []
    for (let n = 0; n < 1000; n++) {
      time.nowMs++
      ids.push((await sessions.open(args(n))).id)
      if (n === 5) {
        serve()
      }
    }
    serve()
    read()
    expect(client.problems).toEqual([])
    expect([...client.sessions.keys()].sort()).toEqual(ids.slice(-5).sort())
    expect(receive.mock.calls.length).toBeLessThan(60)
  })

  it('is all that messages are encoded for', async () => {
    const { sessions, serve } = await start()
    const encoded = vi.spyOn(Message.prototype, 'encoded')
    onTestFinished(() => encoded.mockRestore())
    await sessions.open(args(1))
    serve()
    expect(encoded).not.toHaveBeenCalled()
  })

  it('hears the outcome alone of what happens to one session within a moment', async () => {
    const { hub, sessions, serve } = await start()
    const { client, socket, read } = fakeViewer(hub)
    const { id } = await sessions.open(args(1))
    serve()
    read()
    const brief = await sessions.open(args(2))
    await sessions.close(brief.id, CALLER)
    for (const name of ['a', 'b', 'c']) {
      await sessions.storeData(id, `{"session_name":"${name}"}`)
    }
    serve()
    const heard: string[] = []
    socket.read((text) => {
      heard.push(text)
      client.receive(text)
    })
    expect(heard.map((text) => text.split('\n')[0])).toEqual(['update'])
    expect(client.sessions.get(id)).toMatchObject({ name: 'c' })
  })

  it('sends the same bytes as others but for the id of its connection, whatever that is', async () => {
    const { hub, sessions, serve } = await start()
    const name = 'é'.repeat(400)
    await sessions.open({ ...args(1), data: `{"session_name":"${name}"}` })
    const viewers = Array.from({ length: 12 }, () => fakeViewer(hub))
    serve()
    for (const { client, read } of viewers) {
      read()
      expect(client.problems).toEqual([])
      expect([...client.sessions.values()]).toMatchObject([{ name }])
    }
    expect(new Set(viewers.map(({ client }) => client.connectionId)).size).toBe(12)
  })

  it.each([0, 100, 125, 126, 1000, 65_535, 70_000])(
    'gets a message of some %i bytes whole',
    (length) => {
      const message = new Message({ command: 'error', message: 'x'.repeat(length) })
      const frames = new Batch([message, message].map((message) => ({ message, seq: 0 })))
      for (const [dialect, head] of [
        ['commands', 'error\n'],
        ['printed', ''],
      ] as const) {
        const texts = payloadsOf(frames.frames(2 ** 31 - 1, dialect)).map(String)
        const expected = `${head}2147483647\n${'x'.repeat(length)}`
        expect(texts).toEqual([expected, expected])
      }
    },
  )

  it('is dropped where it does not keep up, and costs no more than its bound', async () => {
    const { hub, sessions, serve } = await start()
    const limits = { highWaterBytes: 500, maxUnsentBytes: 2000 }
    const slow = fakeViewer(hub, undefined, 'commands', limits)
    const quick = fakeViewer(hub)
    for (let n = 0; n < 40; n++) {
      await sessions.open(args(n))
      serve()
      quick.read()
    }
    expect(slow.told.dropped).toEqual(['it does not keep up'])
    expect(slow.socket.closedWith).toEqual([1013, 'it does not keep up'])
    expect(slow.socket.maxBuffered).toBeLessThan(2000)
    expect(quick.client.sessions.size).toBe(40)
  })

  it('gets a list that was filled up again page by page, without falling behind for that', async () => {
    const { hub, sessions, serve, timers, time } = await start(500)
    const opened = []
    for (let n = 0; n < 1000; n++) {
      time.nowMs++
      opened.push(await sessions.open(args(n)))
    }
    serve()
    const { client, told, read, socket } = fakeViewer(hub, undefined, 'commands', {
      highWaterBytes: 20_000,
      maxUnsentBytes: 40_000,
    })
    const readAll = async () => {
      // Pages are read between turns: a chain of promises without timers.
      for (let i = 0; i < 2000; i++) {
        await null
      }
      read()
      serve()
    }
    await readAll()
    for (const { id } of opened.slice(500)) {
      await sessions.close(id, CALLER)
      serve()
      read()
    }
    timers.refill()
    for (let i = 0; i < 30 && client.sessions.size < 500; i++) {
      await readAll()
    }
    expect(told.dropped).toEqual([])
    expect(client.problems).toEqual([])
    expect(client.sessions.size).toBe(500)
    expect(socket.closedWith).toBeNull()
  })

  it('gets sessions with many users when the list is filled up again, without falling behind', async () => {
    const { hub, sessions, serve, timers, time } = await start(200, { maxDataBytes: 32 * 1024 })
    const users = Array.from({ length: 300 }, (_, n) => ({ user_id: `user ${n}`, username: 'u' }))
    const opened = []
    for (let n = 0; n < 400; n++) {
      time.nowMs++
      opened.push(await sessions.open({ ...args(n), data: JSON.stringify({ users }) }))
    }
    serve()
    const { client, told, read } = fakeViewer(hub)
    const readAll = async () => {
      for (let i = 0; i < 2000; i++) {
        await null
        timers.turn()
        read()
      }
    }
    await readAll()
    for (const { id } of opened.slice(200)) {
      await sessions.close(id, CALLER)
      serve()
      read()
    }
    timers.refill()
    await readAll()
    expect(told.dropped).toEqual([])
    expect(client.sessions.size).toBe(200)
  })
})
