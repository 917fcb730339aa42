import { randomUUID } from 'node:crypto'
import { connectEngine } from '../../test/support/valkey-wire.mjs'
import { watchCpu } from '../lib/cpu.js'

const CONNECTIONS = 2
const GROUP = 32
const RECORD = 'x'.repeat(250)
const SEAL = 'x'.repeat(110)

/** A version check, ten writes with that of the stream, and a message: about what an insert does, and nothing else. */
const LIBRARY = `#!lua name=bench_prototype
redis.register_function('bench_insert', function(keys, args)
  local tag, id = keys[1], args[1]
  if (redis.call('GETRANGE', tag .. 's:' .. id, 0, 7)) ~= '' then
    return 0
  end
  redis.call('SET', tag .. 's:' .. id, args[2])
  redis.call('SET', tag .. 'k:' .. id, args[3])
  redis.call('ZADD', tag .. 't', args[4], id)
  redis.call('ZADD', tag .. 'u:' .. args[5], args[4], id)
  redis.call('ZADD', tag .. 'c:' .. args[5], args[4], id)
  redis.call('HSET', tag .. 'i:' .. args[5], id, args[6])
  redis.call('ZADD', tag .. 'x', args[4], id)
  redis.call('ZADD', tag .. 'x', args[4], 'i' .. id)
  redis.call('SET', tag .. 'v:' .. args[5], args[4])
  redis.call('XADD', tag .. 'e', 'MAXLEN', '~', 1000, '*', 'id', id)
  redis.call('SPUBLISH', tag .. 'e', '')
  return 1
end)`

/** Groups of inserts on two connections to one master, each with a WAIT behind it. */
export async function loadPrototype(master, seconds) {
  await master.call('FUNCTION', 'LOAD', 'REPLACE', LIBRARY)
  const beganAtMs = performance.now()
  const used = watchCpu(master.pid)
  const counts = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const wire = await connectEngine(master.port)
      let calls = 0
      while (performance.now() - beganAtMs < seconds * 1000) {
        const inserts = Array.from({ length: GROUP }, () => wire.call(insert()))
        const [replicas] = await Promise.all([wire.call(['WAIT', '1', '1000']), ...inserts])
        if (replicas < 1) {
          throw new Error('no replica has the writes')
        }
        calls += GROUP
      }
      wire.close()
      return calls
    }),
  )
  const { elapsedMs, serverMs, ownMs } = used()
  const calls = counts.reduce((sum, count) => sum + count, 0)
  return {
    calls,
    callsPerSecond: (calls / elapsedMs) * 1000,
    masterMicros: (serverMs * 1000) / calls,
    serverCpuMicrosPerCall: (ownMs * 1000) / calls,
  }
}

function insert() {
  const shard = Math.floor(Math.random() * 256)
  const user = `user ${Math.floor(Math.random() * 10_000)}`
  const tag = `{bench:${shard}}`
  const id = randomUUID()
  return ['FCALL', 'bench_insert', '1', tag, id, RECORD, SEAL, `${-Date.now()}`, user, SEAL]
}
