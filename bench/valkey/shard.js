import { createHash } from 'node:crypto'
import { LIBRARY, nameInEngine } from '../../dist/stores/valkey/functions/library.js'
import { DEFAULT_SHARDS, Shards } from '../../dist/stores/valkey/layout/shards.js'
import { startEngine } from '../../test/support/valkey-processes.mjs'

/** In one shard: of ten thousand sessions, of a hundred times as many, and of a billion in DEFAULT_SHARDS. */
export const SHARD_SESSIONS = [39, 3900, Math.ceil(1_000_000_000 / DEFAULT_SHARDS)]
const GROUP = 5000
const REPEATS = 200
const PAGE = 100

/**
 * Fills the two indexes of a shard that grow with all of its sessions, its list and its deadlines, as one of those sizes after
 * the other has them, and times what the functions of the store do there. Records lie beside them, and are found by their key.
 */
export async function shardTimes(report) {
  const engine = await startEngine({ settings: { appendonly: 'no' } })
  try {
    await engine.call('FUNCTION', 'LOAD', 'REPLACE', LIBRARY.source)
    const keys = new Shards(DEFAULT_SHARDS).keysOf(7)
    const times = []
    let filled = 0
    const before = Number((await engine.info('memory')).used_memory)
    for (const sessions of SHARD_SESSIONS) {
      filled = await fill(engine, keys, filled, sessions)
      times.push(await timesAt(engine, keys, sessions, before))
      report(`a shard with ${sessions} sessions`)
    }
    return times
  } finally {
    await engine.close()
  }
}

async function fill(engine, keys, from, to) {
  for (let i = from; i < to; i += GROUP) {
    const count = Math.min(GROUP, to - i)
    const rows = Array.from({ length: count }, (_, at) => idOf(i + at))
    await Promise.all([
      engine.call('ZADD', keys.list(true), ...rows.flatMap((id, at) => [-(i + at), id])),
      engine.call('ZADD', keys.deadlines, ...rows.flatMap((id, at) => [i + at, `\0${id}1234`])),
    ])
  }
  return to
}

async function timesAt(engine, keys, sessions, before) {
  const page = (offset) =>
    engine.call(
      ...['FCALL_RO', nameInEngine('page'), 1, keys.list(true)],
      ...['-inf', '+inf', offset, PAGE, ''],
    )
  const [total, first] = await page(0)
  if (total !== sessions || first !== idOf(sessions - 1)) {
    throw new Error(`the shard has ${total} sessions, the first is ${first}`)
  }
  const used = Number((await engine.info('memory')).used_memory)
  const insert = async (i) => {
    await engine.call('ZADD', keys.list(true), -(sessions + i), `new ${i}`)
    await engine.call('ZREM', keys.list(true), `new ${i}`)
  }
  return {
    sessions,
    firstMicros: await microsOf(engine, () => page(0)),
    deepMicros: await microsOf(engine, () => page(Math.floor(sessions / 2))),
    insertMicros: await microsOf(engine, insert),
    bytesEach: (used - before) / sessions,
  }
}

/** What the engine itself spends on each, as it says. */
async function microsOf(engine, call) {
  await engine.call('CONFIG', 'RESETSTAT')
  for (let i = 0; i < REPEATS; i++) {
    await call(i)
  }
  const stats = await engine.info('commandstats')
  const ours = Object.entries(stats).filter(([name]) => /cmdstat_(fcall_ro|zadd|zrem)$/.test(name))
  const micros = ours.map(([, text]) => Number(/usec=(\d+)/.exec(text)?.[1]))
  return micros.reduce((sum, one) => sum + one, 0) / REPEATS
}

/** Spread as those of sessions are, and the same each time. */
function idOf(i) {
  return createHash('md5').update(`${i}`).digest('hex')
}
