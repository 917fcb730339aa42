import { once } from 'node:events'
import type { Socket } from 'node:net'
import { it as base, describe, expect, onTestFinished, vi } from 'vitest'
import type { CallObserver } from '../../../src/core/calls.js'
import type { SessionCommands } from '../../../src/seneca/commands.js'
import { startSenecaTcp } from '../../../src/seneca/tcp.js'
import type { TcpLimits } from '../../../src/seneca/tcp-connection.js'
import { actLine, connectPeer, hooks, memorySessions, untilAborted } from '../../support/seneca.js'

const MIB = 1024 * 1024

/** A listener, a peer, and a bystander whose connection must go on working whatever the peer does. */
const it = base.extend('started', async ({ task: _ }, { onCleanup }) => {
  const cleanups: (() => unknown)[] = []
  onCleanup(async () => {
    for (const cleanup of cleanups) {
      await cleanup()
    }
  })
  return async (limits: Partial<TcpLimits> = {}, replaced: Partial<SessionCommands> = {}) => {
    const { sessions } = memorySessions()
    const commands = new Proxy(sessions as SessionCommands, {
      get(target, name: keyof SessionCommands) {
        return replaced[name] ?? target[name].bind(target)
      },
    })
    const hooked = hooks()
    // It is given the listener's socket of each connection.
    const count = vi.spyOn(hooked.unsent, 'count')
    const listener = await startSenecaTcp('127.0.0.1', 0, commands, hooked, limits)
    cleanups.push(() => listener.close(0))
    const [peer, bystander] = [await connectPeer(listener), await connectPeer(listener)]
    cleanups.push(() => [peer, bystander].map(({ socket }) => socket.destroy()))
    const stillServes = async () => {
      bystander.send(actLine({ role: 'sessions', cmd: 'get_session_by_id', session_id: 'none' }))
      expect(await bystander.answer()).toMatchObject({ kind: 'res', res: null })
    }
    /** Resolves when nothing has moved on the peer's connection for as long as it may be unfinished. */
    const peerSocket = () => (count.mock.calls[0]?.[0] as Socket) ?? expect.fail()
    const peerWasIdle = () => once(peerSocket(), 'timeout')
    return { listener, peer, peerSocket, peerWasIdle, stillServes, told: hooked.told, sessions }
  }
})

const list = { role: 'sessions', cmd: 'get_sessions', filter: {} }
const open = (user_id: string) => ({ role: 'sessions', cmd: 'open_session', user_id })
const tooLong = (act: object) => actLine({ ...act, data: 'x'.repeat(MIB) })

it('beyond the bound is refused, which is told', async ({ started }) => {
  const { listener, stillServes, told } = await started()
  // The peer and the bystander are there.
  const others = await Promise.all(Array.from({ length: 510 }, () => connectPeer(listener)))
  expect(told.refused).toEqual([])
  await (await connectPeer(listener)).closed
  expect(told.refused).toEqual(['there are 512 connections, the most allowed'])
  await stillServes()
  others.map(({ socket }) => socket.destroy())
})

it('goes on where an act fails in a way that has no answer', async () => {
  const hooked = hooks()
  const begin = hooked.observer.begin
  const { sessions } = memorySessions()
  const observer: CallObserver = {
    begin(call) {
      this.begin = begin
      throw new Error(`planted for ${call.method}`)
    },
  }
  const listener = await startSenecaTcp('127.0.0.1', 0, sessions, { ...hooked, observer })
  onTestFinished(async () => void (await listener.close(0)))
  const [peer, bystander] = [await connectPeer(listener), await connectPeer(listener)]
  peer.send(actLine(list))
  await peer.closed
  expect(hooked.told.failures).toEqual([new Error('planted for get_sessions')])
  bystander.send(actLine(list))
  expect(await bystander.answer()).toMatchObject({ kind: 'res' })
})

describe('a connection', () => {
  it.for<[string, string | Buffer]>([
    ['what is not JSON', 'hello\n'],
    ['an empty line', '\n'],
    ['a JSON text', '"act"\n'],
    ['null', 'null\n'],
    ['an array', `[${actLine(list).trim()}]\n`],
    ['another kind of message', actLine(list).replace('"act"', '"res"')],
    ['no act', '{"id":"a","kind":"act"}\n'],
    ['an act that is no object', '{"id":"a","kind":"act","act":["sessions"]}\n'],
    ['100,000 levels of arrays', `${'['.repeat(100_000)}\n`],
    ['100,000 levels in an act', `{"id":"a","kind":"act","act":${'{"a":'.repeat(100_000)}\n`],
    ['65 levels', actLine({ ...open('a'), data: JSON.parse('['.repeat(63) + ']'.repeat(63)) })],
    [
      '65 levels behind an escaped quote',
      actLine({ ...open('"'), data: JSON.parse('['.repeat(63) + ']'.repeat(63)) }),
    ],
    ['a byte that is not UTF-8', Buffer.from(actLine(open('\u00ff')), 'latin1')],
    ['a line that is too long to be anything', `{"a":"${'x'.repeat(MIB)}"}\n`],
    ['a line that is too long for an answer', `{"kind":"res","act":"${'x'.repeat(MIB)}"}\n`],
  ])('with %s is closed', async ([, bytes], { started }) => {
    const { peer, stillServes, told, sessions } = await started()
    peer.send(bytes)
    // What comes behind it is not looked at.
    peer.send(actLine(open('eve')))
    await peer.closed
    expect(told.refused).toEqual([expect.stringMatching(/^message: /)])
    expect((await sessions.list({})).sessions).toEqual([])
    await stillServes()
  })

  it("with a browser's POST is closed before its body", async ({ started }) => {
    const { peer, stillServes, sessions } = await started()
    const body = actLine(open('eve'))
    peer.send(
      `POST /act HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await peer.closed
    expect((await sessions.list({})).sessions).toEqual([])
    await stillServes()
  })

  it('with an endless line is closed at 1 MiB', async ({ started }) => {
    const { peer, stillServes, told } = await started()
    const chunk = Buffer.alloc(64 * 1024, '{')
    let isClosed = false
    void peer.closed.then(() => {
      isClosed = true
    })
    while (!isClosed) {
      if (!peer.send(chunk)) {
        const drained = new Promise((resolve) => peer.socket.once('drain', resolve))
        await Promise.race([drained, peer.closed])
      }
    }
    expect(told.refused).toEqual(['message: is not an act'])
    // Not read on: what the system's buffers took is all that was sent.
    expect(peer.socket.bytesWritten).toBeLessThan(32 * MIB)
    await stillServes()
  })

  it('is given its answers for lines of up to 1 MiB and 64 levels', async ({ started }) => {
    const { peer } = await started()
    const deep = JSON.parse('['.repeat(62) + ']'.repeat(62))
    peer.send(actLine({ ...open('a'), data: deep }))
    expect(await peer.answer()).toMatchObject({ res: { data: deep } })
    const empty = actLine({ ...open('a'), data: '' })
    peer.send(actLine({ ...open('a'), data: 'x'.repeat(MIB - empty.length + 1) }))
    expect(await peer.answer()).toMatchObject({ error: { details: { field: 'data' } } })
  })

  it.for([
    ['no id', actLine(list).replace('"id":"m/1",', '')],
    ['an id that is no text', actLine(list).replace('"m/1"', '{}')],
    ['an act that is too long, and no id', tooLong({}).replace('"id":"m/1",', '')],
    ['an act that is too long, and its id behind it', `{"act":"${'x'.repeat(MIB)}","id":"m/1"}\n`],
  ])('with %s is answered without one', async ([, line], { started }) => {
    const { peer, told } = await started()
    peer.send(line as string)
    const answer = await peer.answer()
    expect(answer).toMatchObject({ kind: 'res', sync: true })
    expect(answer).not.toHaveProperty('id')
    peer.send(actLine(list))
    expect(await peer.answer()).toMatchObject({ id: 'm/1', res: { data: [] } })
    expect(told.refused).toEqual([])
  })

  it('with an act that is too long is told so under its id, and others go on', async ({
    started,
  }) => {
    const { peer, stillServes, told, sessions } = await started()
    peer.send(actLine(open('before'), 'm/0') + tooLong(open('eve')) + actLine(open('after'), 'm/2'))
    const answers = [await peer.answer(), await peer.answer(), await peer.answer()]
    answers.sort((a, b) => (`${a?.id}` < `${b?.id}` ? -1 : 1))
    expect(answers).toMatchObject([
      { id: 'm/0', res: { user_id: 'before' } },
      {
        ...{
          id: 'm/1',
          kind: 'res',
          origin: 'o',
          track: ['o'],
          time: { client_sent: 1 },
          sync: true,
        },
        error: {
          ...{ code: 'REQUEST_REFUSED', status: 413 },
          message: `the message has more than ${MIB} bytes`,
        },
      },
      { id: 'm/2', res: { user_id: 'after' } },
    ])
    expect((await sessions.list({})).sessions.map(({ userId }) => userId)).not.toContain('eve')
    expect(told.ended).toContainEqual(
      expect.objectContaining({ method: 'unknown', code: '413', givenId: 'm/1' }),
    )
    await stillServes()
  })

  it('with an act without end is answered before that ends, and read on', async ({ started }) => {
    const { peer, stillServes } = await started()
    const [head] = actLine({ ...open('eve'), data: '' }).split('""') as [string]
    peer.send(`${head}"`)
    const chunk = Buffer.alloc(MIB, 'x')
    for (let sent = 0; sent < 64; sent++) {
      await new Promise((written) => peer.socket.write(chunk, written))
    }
    expect(await peer.answer()).toMatchObject({ id: 'm/1', error: { status: 413 } })
    peer.send(`"}}\n${actLine(list, 'm/2')}`)
    expect(await peer.answer()).toMatchObject({ id: 'm/2', res: { data: [] } })
    await stillServes()
  })

  it('gets the answers of one turn of the event loop in one write', async ({ started }) => {
    const answers: ((session: null) => void)[] = []
    const get = () => new Promise<null>((resolve) => void answers.push(resolve))
    const { peer, peerSocket } = await started({ maxUnsentBytes: 8 * MIB }, { get })
    const write = vi.spyOn(peerSocket(), 'write')
    const act = { role: 'sessions', cmd: 'get_session_by_id', session_id: 'one' }
    peer.send(`${actLine(act)}${actLine(act)}${actLine(act)}`)
    await until(() => answers.length === 3)
    // One after the other, as answers of a server elsewhere come.
    for (const answer of answers) {
      setImmediate(answer, null)
    }
    for (const _ of answers) {
      expect(await peer.answer()).toMatchObject({ res: null })
    }
    expect(write).toHaveBeenCalledTimes(1)
  })

  it('may send a message in any pieces', async ({ started }) => {
    const { peer, stillServes } = await started()
    const bytes = Buffer.from(actLine({ ...open('zoë ☕'), user_name: '"}\\' }))
    for (const byte of bytes.subarray(0, -1)) {
      await new Promise((sent) => peer.socket.write(Uint8Array.of(byte), sent))
    }
    await stillServes()
    peer.send('\r\n')
    expect(await peer.answer()).toMatchObject({ res: { user_id: 'zoë ☕', user_name: '"}\\' } })
  })

  it('with half a message is closed when nothing follows, also after it was idle', async ({
    started,
  }) => {
    const { peer, peerWasIdle, stillServes, told } = await started({ stallTimeoutMs: 20 })
    await peerWasIdle()
    peer.send(actLine(list).slice(0, 30))
    await peer.closed
    expect(told.refused).toEqual(['it does not finish its message'])
    await stillServes()
  })

  it('whose messages wait for its own acts is not taken for one that stalls', async ({
    started,
  }) => {
    let answer: (() => void) | undefined
    const { peer, peerWasIdle, told } = await started(
      { stallTimeoutMs: 20, maxInFlight: 1 },
      {
        list: () =>
          new Promise((resolve) => {
            answer = () => resolve({ sessions: [], total: null })
          }),
      },
    )
    peer.send(actLine(list, 'first') + actLine(list, 'waits'))
    await until(() => answer !== undefined)
    await peerWasIdle()
    answer?.()
    expect(await peer.answer()).toMatchObject({ id: 'first' })
    expect(told.refused).toEqual([])
  })

  it('with half a message and an end is ended', async ({ started }) => {
    const { peer, stillServes, told } = await started()
    peer.socket.end(actLine(list) + actLine(list).slice(0, 30))
    expect(await peer.answer()).toMatchObject({ res: { data: [] } })
    await peer.closed
    expect(told.refused).toEqual([])
    await stillServes()
  })

  it('that has sent all it wants to send still gets its answers', async ({ started }) => {
    let answer: (() => void) | undefined
    const { peer, stillServes } = await started(
      {},
      {
        list: () =>
          new Promise((resolve) => {
            answer = () => resolve({ sessions: [], total: null })
          }),
      },
    )
    peer.socket.end(actLine(list))
    await until(() => answer !== undefined)
    // By now the listener has seen the end.
    await stillServes()
    answer?.()
    expect(await peer.answer()).toMatchObject({ res: { data: [] } })
    await peer.closed
  })

  it('that never reads its answers is held back, then dropped', async ({ started }) => {
    let begun = 0
    const big = 'x'.repeat(64 * 1024)
    const { peer, stillServes, told } = await started(
      { stallTimeoutMs: 200 },
      {
        get: async (id) => {
          begun += Number(id === 'big')
          return id === 'big' ? { ...SESSION, data: JSON.stringify(big) } : null
        },
      },
    )
    peer.socket.pause()
    const acts = 5_000
    peer.send(
      actLine({ role: 'sessions', cmd: 'get_session_by_id', session_id: 'big' }).repeat(acts),
    )
    // It does not read that it was cut off either.
    await until(() => told.refused.length > 0)
    expect(told.refused).toEqual(['it does not read its answers'])
    // 64 KiB each: what the system's buffers take, 1 MiB, and what was under way.
    expect(begun).toBeLessThan(acts / 5)
    await stillServes()
  })

  it.for([
    ['small', 100, 64],
    ['large', 300_000, 3],
  ] as const)(
    'that had %s answers has so many acts under way as such fit',
    async ([, bytes, most], { started }) => {
      let underWay = 0
      let atMost = 0
      let release = () => {}
      const released = new Promise<void>((resolve) => {
        release = resolve
      })
      const { peer, stillServes } = await started(
        {},
        {
          get: async (id) => {
            if (id !== 'early' && id !== 'late') {
              return null
            }
            underWay++
            atMost = Math.max(atMost, id === 'late' ? underWay : 0)
            await (id === 'late' ? released : new Promise(setImmediate))
            underWay--
            return { ...SESSION, data: `"${'x'.repeat(bytes)}"` }
          },
        },
      )
      const ask = (session_id: string, times: number) =>
        peer.send(actLine({ role: 'sessions', cmd: 'get_session_by_id', session_id }).repeat(times))
      const early = 40
      const late = 100
      ask('early', early)
      for (let i = 0; i < early; i++) {
        await peer.answer()
      }
      ask('late', late)
      await until(() => underWay >= most)
      // By when one more would have begun.
      await stillServes()
      expect(underWay).toBe(most)
      release()
      for (let i = 0; i < late; i++) {
        await peer.answer()
      }
      expect(atMost).toBe(most)
    },
  )

  it('that reads late gets every answer', async ({ started }) => {
    const { peer, stillServes, told } = await started(
      {},
      {
        get: async (id) =>
          id === 'big' ? { ...SESSION, data: `"${'x'.repeat(64 * 1024)}"` } : null,
      },
    )
    peer.socket.pause()
    const acts = 300
    const act = { role: 'sessions', cmd: 'get_session_by_id', session_id: 'big' }
    peer.send(Array.from({ length: acts }, (_, n) => actLine(act, `m/${n}`)).join(''))
    await stillServes()
    peer.socket.resume()
    const ids = new Set<string | undefined>()
    for (let n = 0; n < acts; n++) {
      ids.add((await peer.answer())?.id)
    }
    expect(ids.size).toBe(acts)
    expect(told.refused).toEqual([])
  })

  it('has at most so many acts under way, and loses none', async ({ started }) => {
    const waiting: (() => void)[] = []
    let begun = 0
    const { peer } = await started(
      { maxInFlight: 3 },
      {
        get: async () => {
          begun++
          await new Promise<void>((resolve) => waiting.push(resolve))
          return null
        },
      },
    )
    const acts = Array.from({ length: 10 }, (_, n) =>
      actLine({ role: 'sessions', cmd: 'get_session_by_id', session_id: 'x' }, `m/${n}`),
    )
    peer.send(acts.join(''))
    const ids = []
    for (let answered = 0; answered < acts.length; answered++) {
      await until(() => waiting.length > 0)
      expect(begun).toBeLessThanOrEqual(answered + 3)
      waiting.shift()?.()
      ids.push((await peer.answer())?.id)
    }
    expect(ids).toEqual(acts.map((_, n) => `m/${n}`))
  })

  it('that uses an id again is answered again, each time anew', async ({ started }) => {
    const { peer } = await started()
    peer.send(actLine(list, 'same'))
    expect(await peer.answer()).toMatchObject({ id: 'same', res: { data: [] } })
    peer.send(actLine(open('ann'), 'same'))
    expect(await peer.answer()).toMatchObject({ id: 'same', res: { user_id: 'ann' } })
    peer.send(actLine(list, 'same'))
    expect(await peer.answer()).toMatchObject({ id: 'same', res: { data: [{ user_id: 'ann' }] } })
    peer.send(actLine(list, 'same').repeat(3))
    const answers = [await peer.answer(), await peer.answer(), await peer.answer()]
    expect(answers.map((answer) => answer?.id)).toEqual(['same', 'same', 'same'])
  })

  it('that waits for no answer gets none, but its act is done', async ({ started }) => {
    const { peer, sessions } = await started()
    peer.send(actLine(open('ann'), 'a').replace('"sync":true', '"sync":false'))
    await until(async () => (await sessions.list({})).sessions.length > 0)
    peer.send(actLine(list, 'b'))
    expect(await peer.answer()).toMatchObject({ id: 'b', res: { data: [{ user_id: 'ann' }] } })
  })

  it('that is reset in the middle of an act harms nothing', async ({ started }) => {
    let began: () => void = () => {}
    const hasBegun = new Promise<void>((resolve) => {
      began = resolve
    })
    let answer: () => void = () => {}
    const { peer, stillServes } = await started(
      {},
      {
        list: () => {
          began()
          return new Promise((resolve) => {
            answer = () => resolve({ sessions: [], total: null })
          })
        },
      },
    )
    peer.send(actLine(list))
    await hasBegun
    peer.socket.resetAndDestroy()
    await peer.closed
    await stillServes()
    answer()
    await stillServes()
  })

  it.for([
    ['newer', list],
    ['older', { role: 'sessions', cmd: 'get_sessions', user_id: 'ann' }],
  ] as const)(
    'that ends while a list of the %s dialect is read ends the list too',
    async ([, act], { started }) => {
      const reading = untilAborted()
      const { peer, stillServes, told } = await started({}, { list: reading.list })
      peer.send(actLine(act))
      await until(() => reading.isBegun)
      peer.socket.resetAndDestroy()
      await until(() => told.ended.length > 0)
      expect(told.ended).toMatchObject([{ method: 'get_sessions', code: '499' }])
      await stillServes()
    },
  )

  it.for<[string, object]>([
    ['stop the process', { role: 'seneca', cmd: 'close' }],
    ['be fatal', { role: 'sessions', cmd: 'nothing', fatal$: true }],
    ['bring its own answer', { role: 'nothing', default$: { ok: true } }],
    ['open a port', { role: 'transport', cmd: 'listen', port: 1 }],
  ])('that tries to %s gets an error and goes on', async ([, act], { started }) => {
    const { peer, stillServes } = await started()
    peer.send(actLine(act, 'evil'))
    const answer = await peer.answer()
    expect(answer).toMatchObject({ id: 'evil', error: { code: 'ACT_NOT_FOUND' } })
    expect(JSON.stringify(answer?.error)).not.toContain('$')
    peer.send(actLine(list))
    expect(await peer.answer()).toMatchObject({ res: { data: [] } })
    await stillServes()
  })
})

describe('a listener that closes', () => {
  it('answers what is under way, and begins nothing more', async ({ started }) => {
    let answer: () => void = () => {}
    let begun = 0
    const { listener, peer } = await started(
      { maxInFlight: 1 },
      {
        list: () => {
          begun++
          return new Promise((resolve) => {
            answer = () => resolve({ sessions: [], total: null })
          })
        },
      },
    )
    peer.send(actLine(list, 'first') + actLine(list, 'waits'))
    await until(() => begun > 0)
    const closed = listener.close(60_000)
    peer.send(actLine(list, 'late'))
    answer()
    expect(await peer.answer()).toMatchObject({ id: 'first', res: { data: [] } })
    expect(await peer.answer()).toBeUndefined()
    await closed
    expect(begun).toBe(1)
  })

  it('waits no longer than it may', async ({ started }) => {
    let begun = 0
    const { listener, peer, told } = await started(
      {},
      {
        list: () => {
          begun++
          return new Promise(() => {})
        },
      },
    )
    peer.send(actLine(list))
    await until(() => begun > 0)
    expect(await listener.close(20)).toBe(1)
    await peer.closed
    expect(told.refused).toContain('the server stops')
  })
})

it('refuses an address that is taken', async ({ started }) => {
  const { listener } = await started()
  const { sessions } = memorySessions()
  const port = Number(new URL(listener.address).port)
  await expect(startSenecaTcp('127.0.0.1', port, sessions, hooks())).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining(`tcp://127.0.0.1:${port}`),
  })
})

/** Lets the event loop turn until the condition holds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const SESSION = {
  id: 'big',
  userId: 'ann',
  userName: '',
  active: true,
  openTimeMs: 0,
  requestTimeMs: 0,
  closeTimeMs: null,
  address: '',
  client: '',
  user: null,
  token: null,
  ending: null,
}

it('acts that were sent ahead have a share of the event loop, and others theirs', async ({
  started,
}) => {
  let done = 0
  const get = async () => {
    const startMs = performance.now()
    while (performance.now() - startMs < 1);
    done++
    return null
  }
  const { peer, stillServes } = await started({}, { get })
  const line = actLine({ role: 'sessions', cmd: 'get_session_by_id', session_id: 'x' })
  const sent = 400
  peer.send(line.repeat(sent))
  await peer.answer()
  await stillServes()
  expect(done).toBeLessThan(sent / 2)
  for (let answered = 1; answered < sent; answered++) {
    expect(await peer.answer()).toMatchObject({ kind: 'res', res: null })
  }
})
