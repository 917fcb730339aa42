import { DEFAULT_SHARDS, Shards } from '../../dist/stores/valkey/layout/shards.js'
import { startCluster } from '../../test/support/valkey-processes.mjs'
import { loadSeneca } from '../commands/load-command.js'
import { loadCreate } from '../create/beside-echo.js'
import { FRESH_KEYS } from '../create/requests.js'
import { cpuTimeMs } from '../lib/cpu.js'
import { withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { formatTable } from '../lib/table.js'
import { inTurn } from '../lib/turns.js'
import { atLeast, atMost } from '../lib/verdicts.js'
import { loadPrototype } from './prototype.js'
import { SHARD_SESSIONS, shardTimes } from './shard.js'

const WARM_UP_SECONDS = 1
/** CPU a Create, in microseconds. */
const MASTER_MICROS = 80
const REPLICA_MICROS = 45
const SERVER_OF_LEVEL = 1.2
const OPEN_OF_PROTOTYPE = 0.5
const SESSION_BYTES = 1300
/** How much longer the first rows of a shard may take where it has a hundred times as many sessions. */
const PAGE_OF_SMALL = 3

const SHARDS = new Shards(DEFAULT_SHARDS)

/** As the table shows the loads. */
const NAMES = {
  create: 'Create on Valkey',
  level: 'Create on LevelDB',
  open: 'open_session on Valkey',
  prototype: 'a prototype of the insert',
}

/**
 * Create and open_session on one master with one replica: CPU of every process, beside a server on LevelDB and a prototype of
 * an insert as one function. Then the indexes of one shard of a store with a billion sessions.
 */
export async function benchValkey(options, report) {
  const figures = await withServers((directory, start) =>
    measure(options, report, directory, start),
  )
  const { medians, shards, small, large } = figures
  const [create, level, open, prototype] = ['create', 'level', 'open', 'prototype'].map(
    (name) => medians[name],
  )
  return {
    table: [loadsTable(medians), shardTable(shards)].join('\n\n'),
    verdicts: [
      atMost('Create on Valkey: CPU of the master', create.masterMicros, MASTER_MICROS, {
        unit: ' µs',
      }),
      atMost('Create on Valkey: CPU of the replica', create.replicaMicros, REPLICA_MICROS, {
        unit: ' µs',
      }),
      atMost(
        'Create on Valkey: CPU of the server, of that on LevelDB',
        create.serverCpuMicrosPerCall / level.serverCpuMicrosPerCall,
        SERVER_OF_LEVEL,
      ),
      atLeast(
        'open_session on Valkey: of the prototype of an insert',
        open.callsPerSecond / prototype.callsPerSecond,
        OPEN_OF_PROTOTYPE,
      ),
      atMost('memory of a session in the engine', create.bytesEach, SESSION_BYTES, {
        unit: ' bytes',
      }),
      atMost(
        `the first rows of a shard with ${SHARD_SESSIONS.at(-1)} sessions, of ${SHARD_SESSIONS[0]}`,
        large.firstMicros / small.firstMicros,
        PAGE_OF_SMALL,
      ),
    ],
    figures,
  }
}

async function measure({ seconds, rounds }, report, directory, start) {
  const cluster = await startCluster({ masters: 1, parent: directory })
  try {
    const [master, replica] = await cluster.nodesOf(0)
    const address = ['--store', `valkey://${cluster.addresses}`]
    const onValkey = await serve(start, `${directory}/valkey`, { more: address })
    const onLevel = await serve(start, `${directory}/level`)
    /** Runs a load, and adds what it cost the engines. */
    const beside = async (load) => {
      const nodes = [master, replica]
      const [usedBefore, countBefore] = await usedAndCount(master)
      const before = nodes.map(({ pid }) => cpuTimeMs(pid))
      const figures = await load()
      const [masterMs, replicaMs] = nodes.map(({ pid }, i) => cpuTimeMs(pid) - before[i])
      const [used, count] = await usedAndCount(master)
      // The load warms up first, and what that cost is among it: so by the sessions that there are now.
      const opened = count - countBefore
      return {
        ...figures,
        masterMicros: (masterMs * 1000) / opened,
        replicaMicros: (replicaMs * 1000) / opened,
        bytesEach: (used - usedBefore) / opened,
      }
    }
    const loads = {
      create: () => beside(() => loadCreate(onValkey, FRESH_KEYS, { seconds })),
      level: () => loadCreate(onLevel, FRESH_KEYS, { seconds }),
      open: () => beside(() => loadSeneca(onValkey, { command: 'open_session', seconds })),
      prototype: () => loadPrototype(master, seconds),
    }
    for (const server of [onValkey, onLevel]) {
      await loadCreate(server, FRESH_KEYS, { seconds: WARM_UP_SECONDS })
    }
    const measured = await inTurn(loads, rounds, report)
    const shards = await shardTimes(report)
    return { ...measured, shards, small: shards[0], large: shards.at(-1) }
  } finally {
    await cluster.close()
  }
}

/** Memory that the engine uses, and the open sessions of all shards. */
async function usedAndCount(master) {
  const used = Number((await master.info('memory')).used_memory)
  const shards = Array.from({ length: DEFAULT_SHARDS }, (_, i) => SHARDS.keysOf(i).list(true))
  const counts = await Promise.all(shards.map((key) => master.call('ZCARD', key)))
  return [used, counts.reduce((sum, count) => sum + count, 0)]
}

function loadsTable(medians) {
  const number = (value) => (value === undefined ? '' : value.toFixed(0))
  return formatTable(
    ['', 'calls/s', 'p99 ms', 'server µs/call', 'master µs/call', 'replica µs/call', 'bytes each'],
    Object.entries(NAMES).map(([key, name]) => {
      const load = medians[key]
      return [
        ...[name, number(load.callsPerSecond), load.p99Ms?.toFixed(1) ?? ''],
        ...[number(load.serverCpuMicrosPerCall), number(load.masterMicros)],
        ...[number(load.replicaMicros), number(load.bytesEach)],
      ]
    }),
  )
}

function shardTable(shards) {
  return formatTable(
    ['sessions in the shard', 'first 100 µs', '100 behind half µs', 'insert µs', 'bytes each'],
    shards.map(({ sessions, firstMicros, deepMicros, insertMicros, bytesEach }) => [
      `${sessions}`,
      ...[firstMicros, deepMicros, insertMicros, bytesEach].map((value) => value.toFixed(0)),
    ]),
  )
}
