import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { StoreUnavailableError } from '../../../../../src/core/errors.js'
import {
  type Cluster,
  type ClusterSettings,
  openCluster,
} from '../../../../../src/stores/valkey/connection/cluster.js'
import { EngineError } from '../../../../../src/stores/valkey/connection/reply.js'
import { slotOf, slotsOfShards } from '../../../../../src/stores/valkey/connection/slots.js'
import {
  type Answer,
  reply,
  type Script,
  type ScriptedEngine,
  startScriptedEngine,
} from '../../../../support/scripted-engine.js'

const SHARDS = 4
const MIDDLE = 8192
/** A shard of each half of the slots. */
const [LOW, HIGH] = [
  slotsOfShards(SHARDS).findIndex((slot) => slot < MIDDLE),
  slotsOfShards(SHARDS).findIndex((slot) => slot >= MIDDLE),
] as const

type Part = (command: readonly string[], peer: Parameters<Script>[1]) => Answer | undefined

/** An engine of a healthy cluster, but for what `part` answers otherwise. */
async function startEngine(part: Part = () => undefined): Promise<ScriptedEngine> {
  const engine: ScriptedEngine = await startScriptedEngine((command, peer) => {
    const special = part(command, peer)
    if (special !== undefined) {
      return special
    }
    switch (command[0]) {
      case 'PING':
        return reply.pong
      case 'CLUSTER':
        return reply.slots([0, 16_383, engine.port])
      case 'ROLE':
        return reply.array(reply.bulk('master'))
      case 'WAIT':
        return reply.number(1)
      case 'FCALL':
        return reply.bulk('done')
      default:
        return reply.ok
    }
  })
  return engine
}

async function connect(
  engines: readonly { readonly port: number }[],
  settings: Partial<ClusterSettings> = {},
): Promise<Cluster> {
  const cluster = await openCluster({
    seeds: engines.map(({ port }) => ({ host: '127.0.0.1', port })),
    nat: new Map(),
    user: null,
    password: () => null,
    tls: null,
    timeoutMs: 2000,
    replicas: 1,
    shards: SHARDS,
    library: '',
    ...settings,
  })
  onTestFinished(() => cluster.close())
  return cluster
}

const write = (cluster: Cluster, shard = LOW) => cluster.write(shard, 'f', ['k'], ['a'])
const calls = (engine: ScriptedEngine, name = 'FCALL') =>
  engine.commands.filter(([first]) => first === name)

/** Two masters, each with half of the slots; parts as of `startEngine`. */
async function startTwo(lowPart: Part, highPart: Part = () => undefined) {
  const both: ScriptedEngine[] = []
  const slots = () =>
    reply.slots([0, MIDDLE - 1, both[0]?.port ?? 0], [MIDDLE, 16_383, both[1]?.port ?? 0])
  const withSlots =
    (part: Part): Part =>
    (command, peer) =>
      command[0] === 'CLUSTER' ? (part(command, peer) ?? slots()) : part(command, peer)
  both.push(await startEngine(withSlots(lowPart)), await startEngine(withSlots(highPart)))
  return both as [ScriptedEngine, ScriptedEngine]
}

describe('a write', () => {
  it('is a call of a function, and ends when the WAIT behind it says that enough replicas have it', async () => {
    const engine = await startEngine()
    const cluster = await connect([engine], { replicas: 1 })
    expect(await cluster.write(LOW, 'insert', ['k:1', 'k:2'], ['x', Buffer.of(1)])).toEqual(
      Buffer.from('done'),
    )
    expect(calls(engine)).toEqual([['FCALL', 'insert', '2', 'k:1', 'k:2', 'x', '\x01']])
    expect(engine.commands.at(-1)).toEqual(['WAIT', '1', '1000'])
  })

  it('does not end well while too few replicas have it', async () => {
    const engine = await startEngine(([name]) => (name === 'WAIT' ? reply.number(0) : undefined))
    const cluster = await connect([engine])
    await expect(write(cluster)).rejects.toThrow(StoreUnavailableError)
    await expect(write(cluster)).rejects.toThrow('too few replicas')
  })

  it('waits for no replica where none is wanted', async () => {
    const engine = await startEngine()
    const cluster = await connect([engine], { replicas: 0 })
    await write(cluster)
    expect(calls(engine, 'WAIT')).toEqual([])
  })

  it('waits for no replica where it need not be confirmed', async () => {
    const engine = await startEngine()
    const cluster = await connect([engine])
    expect(await cluster.write(LOW, 'f', ['k'], ['a'], { isConfirmed: false })).toEqual(
      Buffer.from('done'),
    )
    expect(calls(engine, 'WAIT')).toEqual([])
  })

  it('shares its WAIT with the others of the same turn', async () => {
    const engine = await startEngine()
    const cluster = await connect([engine])
    await write(cluster)
    engine.commands.length = 0
    await Promise.all(Array.from({ length: 64 }, () => write(cluster)))
    expect(calls(engine)).toHaveLength(64)
    expect(calls(engine, 'WAIT').length).toBeLessThan(5)
  })

  it('goes in one of two groups where many come at once, so that neither connection is idle', async () => {
    const connectionOf: number[] = []
    const engine = await startEngine(([name], { connection }) => {
      if (name === 'FCALL') {
        connectionOf.push(connection)
      }
      return undefined
    })
    const cluster = await connect([engine])
    const many = () => Promise.all(Array.from({ length: 64 }, () => write(cluster)))
    // Both connections are made when they are needed first.
    await many()
    await many()
    connectionOf.length = 0
    await many()
    const [first] = connectionOf
    expect(new Set(connectionOf).size).toBe(2)
    expect(connectionOf.filter((connection) => connection === first)).toHaveLength(32)
  })

  it('is told of to other servers, with the others of its group in one message', async () => {
    const engine = await startEngine()
    const cluster = await connect([engine])
    const tell = (shard: number) =>
      cluster.write(shard, 'f', [], [], { channel: `e:{sd:00${shard}}` })
    await write(cluster)
    await Promise.all([tell(0), write(cluster), tell(1), tell(1)])
    const [[, channel, message] = [], ...more] = calls(engine, 'SPUBLISH')
    expect(more).toEqual([])
    expect(channel).toBe('e:{sd:000}')
    expect(message?.split(' ').slice(1)).toEqual(['e:{sd:001}'])
    const names = engine.commands.map(([name]) => name)
    expect(names.slice(names.indexOf('SPUBLISH'))).toEqual(['SPUBLISH', 'WAIT'])
  })

  it.each([true, false])(
    'is never sent twice where it may have been executed (confirmed: %s)',
    async (isConfirmed) => {
      const engine = await startEngine(([name], { socket }) => {
        if (name === 'FCALL') {
          socket.destroy()
          return null
        }
        return undefined
      })
      const cluster = await connect([engine])
      const sent = cluster.write(LOW, 'f', ['k'], ['a'], { isConfirmed })
      await expect(sent).rejects.toThrow(StoreUnavailableError)
      expect(calls(engine)).toHaveLength(1)
    },
  )

  it('gets what a function answers with an error', async () => {
    const engine = await startEngine(([name]) =>
      name === 'FCALL' ? reply.error('VERSION 17') : undefined,
    )
    const cluster = await connect([engine])
    const error = await write(cluster).catch((reason) => reason)
    expect(error).toBeInstanceOf(EngineError)
    expect(error).toMatchObject({ code: 'VERSION', message: 'VERSION 17' })
  })
})

describe('a read', () => {
  it('waits for no replica', async () => {
    const engine = await startEngine()
    const cluster = await connect([engine])
    expect(await cluster.read(LOW, 'get', ['k'], [])).toEqual(Buffer.from('done'))
    expect(calls(engine, 'WAIT')).toEqual([])
  })

  it('is tried again where its connection ends', async () => {
    let ends = 0
    const engine = await startEngine(([name], { socket }) => {
      if (name === 'FCALL' && ends++ < 2) {
        socket.destroy()
        return null
      }
      return undefined
    })
    const cluster = await connect([engine])
    expect(await cluster.read(LOW, 'get', ['k'], [])).toEqual(Buffer.from('done'))
  })
})

/** Two masters, where `high` takes over from `low` while that has not answered yet. */
async function startReplaced() {
  const held: { write(text: string): void }[] = []
  let isReplaced = false
  const [low, high] = await startTwo(
    ([name], { socket }) => {
      if (name === 'FCALL') {
        held.push(socket)
        return null
      }
      return undefined
    },
    ([name]) =>
      name === 'CLUSTER' && isReplaced ? reply.slots([0, 16_383, high.port]) : undefined,
  )
  const cluster = await connect([high], { timeoutMs: 60_000 })
  return {
    ...{ low, high, cluster },
    /** Until `low` has so many calls. */
    has: (count: number) => vi.waitFor(() => expect(held).toHaveLength(count), 5000),
    /** `high` takes over. */
    async replace() {
      isReplaced = true
      await vi.waitFor(() => expect(cluster.masterOf(LOW)).toBe(high.address), 5000)
    },
    /** Only then the former master answers its first call. */
    answer: () => held[0]?.write(reply.bulk('as it was')),
  }
}

describe('a master that was replaced before it answers', () => {
  it('answers no read: that is answered by the one that is there now', async () => {
    const { low, high, cluster, has, replace, answer } = await startReplaced()
    const read = cluster.read(LOW, 'get', ['k'], [])
    await has(1)
    await replace()
    answer()
    expect(await read).toEqual(Buffer.from('done'))
    expect(calls(low)).toHaveLength(1)
    expect(calls(high)).toHaveLength(1)
  })

  it('confirms no write that waits for no replica', async () => {
    const { high, cluster, has, replace, answer } = await startReplaced()
    const sent = cluster.write(LOW, 'f', ['k'], ['a'], { isConfirmed: false })
    const outcome = expect(sent).rejects.toThrow(StoreUnavailableError)
    await has(1)
    await replace()
    answer()
    await outcome
    expect(calls(high)).toEqual([])
  })

  it('holds up no read, and no write that it has not got', async () => {
    const { high, cluster, has, replace } = await startReplaced()
    const read = cluster.read(LOW, 'get', ['k'], [])
    // It has one of each connection; the third waits.
    const sent = [1, 2].map(async (count) => {
      await has(count)
      return write(cluster, LOW)
    })
    const unknown = Promise.allSettled(sent)
    await has(3)
    const waiting = write(cluster, LOW)
    await replace()
    expect(await Promise.all([read, waiting])).toEqual([Buffer.from('done'), Buffer.from('done')])
    expect(calls(high)).toHaveLength(2)
    await cluster.close()
    expect((await unknown).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})

it('commands go to the master of their shard together, and each has its reply', async () => {
  const [low, high] = await startTwo(() => undefined)
  const cluster = await connect([low])
  const replies = await cluster.command(HIGH, [
    ['WAIT', '0', '0'],
    ['SET', 'a', 'b'],
  ])
  expect(replies).toEqual([1, Buffer.from('OK')])
  expect(calls(high, 'SET')).toEqual([['SET', 'a', 'b']])
  expect(calls(low, 'SET')).toEqual([])
})

it('what concerns every master is asked of each', async () => {
  const [low, high] = await startTwo(() => undefined)
  const cluster = await connect([low])
  const replies = await cluster.onMasters([['CONFIG', 'GET', 'x']])
  expect([...replies.keys()].sort()).toEqual([low.address, high.address].sort())
})

describe('a redirection', () => {
  it('by MOVED is followed, and remembered', async () => {
    const low =
      (port: number): Part =>
      (command) =>
        command[0] === 'FCALL' ? reply.error(`MOVED 1 127.0.0.1:${port}`) : undefined
    const [first, second] = await startTwo((command) => low(second.port)(command, {} as never))
    const cluster = await connect([first])
    expect(await write(cluster)).toEqual(Buffer.from('done'))
    expect(calls(first)).toHaveLength(1)
    expect(calls(second)).toHaveLength(1)
  })

  it('by ASK is followed for that call alone', async () => {
    let asked = false
    const [first, second] = await startTwo(([name]) => {
      if (name === 'FCALL' && !asked) {
        asked = true
        return reply.error(`ASK 1 127.0.0.1:${second.port}`)
      }
      return undefined
    })
    const cluster = await connect([first])
    expect(await write(cluster)).toEqual(Buffer.from('done'))
    expect(second.commands.slice(-3).map(([name]) => name)).toEqual(['ASKING', 'FCALL', 'WAIT'])
    await write(cluster)
    expect(calls(first)).toHaveLength(2)
    expect(calls(second)).toHaveLength(1)
  })

  it('in a ring ends within the timeout, without a storm', async () => {
    const to =
      (port: () => number): Part =>
      ([name]) =>
        name === 'FCALL' ? reply.error(`MOVED 1 127.0.0.1:${port()}`) : undefined
    const [first, second] = await startTwo(
      to(() => second.port),
      to(() => first.port),
    )
    const cluster = await connect([first], { timeoutMs: 500 })
    await expect(write(cluster)).rejects.toThrow('the engine answers MOVED')
    expect(calls(first).length + calls(second).length).toBeLessThan(100)
  })

  it('without a host is to the host that answered', async () => {
    const [first, second] = await startTwo(([name]) =>
      name === 'FCALL' ? reply.error(`MOVED 1 :${second.port}`) : undefined,
    )
    const cluster = await connect([first])
    expect(await write(cluster)).toEqual(Buffer.from('done'))
  })

  it('goes where the NAT map says', async () => {
    const engine = await startEngine(([name]) =>
      name === 'CLUSTER'
        ? reply.array(
            reply.array(
              reply.number(0),
              reply.number(16_383),
              reply.array(reply.bulk('10.1.2.3'), reply.number(6379), reply.bulk('id')),
            ),
          )
        : undefined,
    )
    const cluster = await connect([engine], {
      nat: new Map([['10.1.2.3:6379', { host: '127.0.0.1', port: engine.port }]]),
    })
    expect(await write(cluster)).toEqual(Buffer.from('done'))
  })
})

describe('a call that the engine cannot take now', () => {
  it.each([
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'CLUSTERDOWN The cluster is down',
    'LOADING Valkey is loading the dataset in memory',
    "READONLY You can't write against a read only replica.",
    'MASTERDOWN Link with MASTER is down',
    'BUSY Valkey is busy running a script',
    'ERR Script attempted to access a non local key in a cluster node script: 3b, on @user_function:3.',
  ])('is tried again: %s', async (message) => {
    let times = 0
    const engine = await startEngine(([name]) =>
      name === 'FCALL' && times++ < 3 ? reply.error(message) : undefined,
    )
    const cluster = await connect([engine])
    expect(await write(cluster)).toEqual(Buffer.from('done'))
    expect(calls(engine)).toHaveLength(4)
  })

  it('gives up at the timeout', async () => {
    const engine = await startEngine(([name]) =>
      name === 'FCALL' ? reply.error('CLUSTERDOWN The cluster is down') : undefined,
    )
    const cluster = await connect([engine], { timeoutMs: 300 })
    await expect(write(cluster)).rejects.toThrow('the engine answers CLUSTERDOWN')
  })

  it.each([
    'OOM command not allowed',
    'MISCONF Errors writing to the AOF file: No space left on device',
    'NOREPLICAS Not enough good replicas to write.',
    "NOPERM User sessiond has no permissions to run the 'fcall' command",
  ])('is refused at once, without the words of the engine: %s', async (message) => {
    const engine = await startEngine(([name]) =>
      name === 'FCALL' ? reply.error(message) : undefined,
    )
    const cluster = await connect([engine])
    const error = await write(cluster).catch((reason) => reason)
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect(error.message).toMatch(/the engine answers [A-Z]+$/)
    expect(calls(engine)).toHaveLength(1)
  })
})

describe('a node that is not well', () => {
  it.each([
    ['sends garbage', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['sends a reply that is too large', '$100000000\r\nx'],
  ])('and %s loses its connection, and serves on another', async (_name, bytes) => {
    let times = 0
    const engine = await startEngine(([name]) =>
      name === 'FCALL' && times++ === 0 ? bytes : undefined,
    )
    const cluster = await connect([engine])
    await expect(write(cluster)).rejects.toThrow(StoreUnavailableError)
    expect(await write(cluster)).toEqual(Buffer.from('done'))
  })

  it('and is silent fails its calls at the timeout, and holds up no other', async () => {
    const [low, high] = await startTwo(([name]) => (name === 'FCALL' ? null : undefined))
    const cluster = await connect([high])
    const order: string[] = []
    const silent = write(cluster, LOW).finally(() => order.push('silent'))
    silent.catch(() => {})
    for (let i = 0; i < 3; i++) {
      await write(cluster, HIGH)
      order.push('other')
    }
    expect(order).toEqual(['other', 'other', 'other'])
    await expect(silent).rejects.toThrow('did not answer in time')
    expect(calls(low)).toHaveLength(1)
  })

  it('and dies holds up no other, and its calls go to whoever the others name', async () => {
    let isPromoted = false
    const [low, high] = await startTwo(
      () => undefined,
      ([name]) =>
        name === 'CLUSTER' && isPromoted ? reply.slots([0, 16_383, high.port]) : undefined,
    )
    const cluster = await connect([high, low])
    await Promise.all([write(cluster, LOW), write(cluster, HIGH)])
    low.kill()
    const orphan = cluster.read(LOW, 'get', ['k'], [])
    await write(cluster, HIGH)
    isPromoted = true
    expect(await orphan).toEqual(Buffer.from('done'))
    expect(await write(cluster, LOW)).toEqual(Buffer.from('done'))
  })

  it('and takes no connection for a while gets each call once when it does', async () => {
    const asking: { write(text: string): void; destroy(): void }[] = []
    let isDown = false
    const engine = await startEngine(([name], { socket }) => {
      if (name === 'PING' && isDown) {
        asking.push(socket)
        return null
      }
      return undefined
    })
    const cluster = await connect([engine], { timeoutMs: 60_000 })
    isDown = true
    const sent = [write(cluster), cluster.read(LOW, 'get', ['k'], [])]
    for (let round = 0; round < 3; round++) {
      // The one that reads, and both that write: so both calls wait for them.
      await vi.waitFor(() => expect(asking).toHaveLength(3), 5000)
      const isLast = round === 2
      isDown = !isLast
      for (const socket of asking.splice(0)) {
        isLast ? socket.write(reply.pong) : socket.destroy()
      }
    }
    await Promise.all(sent)
    expect(
      calls(engine)
        .map(([, name]) => name)
        .sort(),
    ).toEqual(['f', 'get'])
  })

  it('and is cut off from the others, and does not know of its successor, is asked for the masters no longer', async () => {
    let isCutOff = false
    const [low, high] = await startTwo(
      ([name]) =>
        name === 'FCALL' && isCutOff ? reply.error('CLUSTERDOWN The cluster is down') : undefined,
      ([name]) =>
        name === 'CLUSTER' && isCutOff ? reply.slots([0, 16_383, high.port]) : undefined,
    )
    const cluster = await connect([low], { timeoutMs: 60_000 })
    await write(cluster, LOW)
    isCutOff = true
    expect(await write(cluster, LOW)).toEqual(Buffer.from('done'))
    expect(cluster.masterOf(LOW)).toBe(high.address)
  })

  it('gets so many calls and no more: the next is refused at once', async () => {
    const engine = await startEngine(([name]) => (name === 'FCALL' ? null : undefined))
    const cluster = await connect([engine], { timeoutMs: 60_000 })
    const waiting = Array.from({ length: 10_000 }, () => write(cluster))
    await expect(write(cluster)).rejects.toThrow('too many calls wait for the engine')
    await cluster.close()
    const outcomes = await Promise.allSettled(waiting)
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']))
  })
})

describe('functions', () => {
  it('are loaded where a master does not have them, and not for each call', async () => {
    let isLoaded = false
    const engine = await startEngine(([name]) => {
      isLoaded ||= name === 'FUNCTION'
      return name === 'FCALL' && !isLoaded ? reply.error('ERR Function not found') : undefined
    })
    const cluster = await connect([engine], { library: '#!lua name=x' })
    await Promise.all(Array.from({ length: 100 }, () => write(cluster)))
    const loads = calls(engine, 'FUNCTION')
    expect(loads[0]).toEqual(['FUNCTION', 'LOAD', 'REPLACE', '#!lua name=x'])
    // Each connection may run into it.
    expect(loads.length).toBeLessThan(4)
  })

  it('that the library lacks are an error', async () => {
    const engine = await startEngine(([name]) =>
      name === 'FCALL' ? reply.error('ERR Function not found') : undefined,
    )
    const cluster = await connect([engine], { library: '#!lua name=x' })
    await expect(write(cluster)).rejects.toThrow('Function not found')
  })
})

describe('connecting', () => {
  it('asks one seed after the other', async () => {
    const dead = await startEngine()
    dead.kill()
    const engine = await startEngine()
    expect(await write(await connect([dead, engine]))).toEqual(Buffer.from('done'))
  })

  it('waits for the only seed as long as for any call', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const slow = await startEngine(([name], { socket }) => {
      if (name !== 'PING') {
        return undefined
      }
      // Longer than a node is waited for while there are others.
      vi.advanceTimersByTime(600)
      socket.write(reply.pong)
      return null
    })
    await connect([slow], { timeoutMs: 60_000 })
  })

  it('asks the only node that it knows again after that has ended the connection', async () => {
    const later = await startEngine()
    let isGrown = false
    let wasEnded = false
    const engine = await startEngine(([name], { socket }) => {
      if (name !== 'CLUSTER' || !isGrown) {
        return undefined
      }
      if (!wasEnded) {
        wasEnded = true
        socket.destroy()
        return null
      }
      return reply.slots([0, 16_383, later.port])
    })
    const cluster = await connect([engine])
    isGrown = true
    await vi.waitFor(() => expect(cluster.masterOf(LOW)).toBe(later.address), 5000)
  })

  it('fails where no seed answers, and says why', async () => {
    const dead = await startEngine()
    dead.kill()
    await expect(connect([dead])).rejects.toThrow(/the engine does not answer: .*ECONNREFUSED/)
  })

  it('takes a server that is no cluster, if it is a master', async () => {
    const part =
      (role: string): Part =>
      ([name]) =>
        name === 'CLUSTER'
          ? reply.error('ERR This instance has cluster support disabled')
          : name === 'ROLE'
            ? reply.array(reply.bulk(role))
            : undefined
    const replica = await startEngine(part('slave'))
    const master = await startEngine(part('master'))
    const cluster = await connect([replica, master])
    await Promise.all([write(cluster, LOW), write(cluster, HIGH)])
    expect(calls(master)).toHaveLength(2)
    await expect(connect([replica])).rejects.toThrow('is a replica')
  })

  it('logs in as the user of the address, with the password of the moment', async () => {
    const engine = await startEngine()
    const passwords = ['old', 'new']
    const settings = { user: 'sessiond', password: () => passwords.shift() ?? 'new' }
    await write(await connect([engine], settings))
    expect(calls(engine, 'AUTH').slice(0, 2)).toEqual([
      ['AUTH', 'sessiond', 'old'],
      ['AUTH', 'sessiond', 'new'],
    ])
  })

  it('does not quote a password that is refused', async () => {
    const engine = await startEngine(([name]) =>
      name === 'AUTH' ? reply.error('WRONGPASS invalid username-password pair') : undefined,
    )
    const error = await connect([engine], { password: () => 'hunter2' }).catch((reason) => reason)
    expect(error.message).toContain('WRONGPASS')
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2')
  })
})

describe('a subscription', () => {
  const channelOf = (shard: number) => `e:{sd:00${shard}}`

  it('asks for each channel by a command of its own, on the master of its slot', async () => {
    const [low, high] = await startTwo(() => undefined)
    const cluster = await connect([low])
    cluster.subscribe(channelOf, () => {})
    await vi.waitFor(() => {
      expect(calls(low, 'SSUBSCRIBE').length + calls(high, 'SSUBSCRIBE').length).toBe(SHARDS)
    })
    for (const [, ...channels] of calls(low, 'SSUBSCRIBE')) {
      expect(channels.map(slotOf).every((slot) => slot < MIDDLE)).toBe(true)
      expect(channels).toHaveLength(1)
    }
  })

  it('wakes for a message of another server, and whenever one may have been missed', async () => {
    const confirmed = (channel = '') =>
      reply.array(reply.bulk('ssubscribe'), reply.bulk(channel), reply.number(1))
    const sockets: { destroy(): void; write(text: string): void }[] = []
    const engine = await startEngine(([name, channel], { socket }) => {
      if (name !== 'SSUBSCRIBE') {
        return undefined
      }
      sockets.push(socket)
      return confirmed(channel)
    })
    const cluster = await connect([engine])
    const woken: number[] = []
    cluster.subscribe(channelOf, (shard) => woken.push(shard))
    await vi.waitFor(() => expect([...woken].sort()).toEqual([0, 1, 2, 3]))
    await cluster.write(0, 'f', [], [], { channel: channelOf(0) })
    const [own = ''] = calls(engine, 'SPUBLISH')[0]?.[2]?.split(' ') ?? []
    const tell = (channel: string, message: string) =>
      sockets
        .at(-1)
        ?.write(reply.array(reply.bulk('smessage'), reply.bulk(channel), reply.bulk(message)))
    tell(channelOf(1), own)
    tell(channelOf(2), `another ${channelOf(0)} unknown`)
    await vi.waitFor(() => expect(woken.slice(SHARDS)).toEqual([2, 0]))
    sockets.at(-1)?.destroy()
    await vi.waitFor(() =>
      expect([...new Set(woken.slice(SHARDS + 2))].sort()).toEqual([0, 1, 2, 3]),
    )
  })

  it('tells of a new master, and of no slot that moves to one that was a master before', async () => {
    const replica = await startEngine()
    let end = MIDDLE
    let last = () => high.port
    const slots: Part = ([name]) =>
      name === 'CLUSTER' ? reply.slots([0, end - 1, low.port], [end, 16_383, last()]) : undefined
    const [low, high] = await startTwo(slots, slots)
    const cluster = await connect([low])
    let told = 0
    const leave = cluster.subscribe(
      channelOf,
      () => {},
      () => {
        told++
        // Reads go there by now.
        expect(cluster.masterOf(HIGH)).toBe(replica.address)
      },
    )
    end = MIDDLE + 4096
    await vi.waitFor(() => expect(cluster.masterOf(HIGH)).toBe(low.address), 5000)
    expect(told).toBe(0)
    end = MIDDLE
    last = () => replica.port
    await vi.waitFor(() => expect(cluster.masterOf(HIGH)).toBe(replica.address), 5000)
    expect(told).toBe(1)
    leave()
  })
})
