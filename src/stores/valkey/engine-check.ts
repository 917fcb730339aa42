import { StoreMismatchError, StoreUnavailableError } from '../../core/errors.js'
import type { Cluster } from './connection/cluster.js'
import { EngineError, itemsOf, type Reply, textOf } from './connection/reply.js'

/** What a master says of itself: the lines of INFO and settings, by name. */
type Facts = ReadonlyMap<string, string>

/**
 * Throws StoreMismatchError, which names the setting, where the engine is set up so that it would lose what was acknowledged:
 * its append-only file is off or synced now and then, it evicts keys, or no master has enough replicas.
 */
export async function expectSafe(cluster: Cluster, replicas: number): Promise<void> {
  const masters = await factsOfMasters(cluster)
  for (const [master, facts] of masters) {
    for (const { setting, safe, isSafe, loses } of SETTINGS) {
      const value = facts.get(setting) ?? ''
      if (!isSafe(value, facts)) {
        throw new StoreMismatchError(
          `the engine at ${master} would lose sessions: its ${setting} is "${value}", so ${loses}. Set it to "${safe}"`,
        )
      }
    }
  }
  const most = Math.max(
    ...[...masters.values()].map((facts) => Number(facts.get('connected_slaves'))),
  )
  if (!(most >= replicas)) {
    throw new StoreMismatchError(
      `no master of the engine has more than ${most} replicas, and --store-replicas wants ${replicas}: add replicas, or ` +
        'accept by --store-replicas 0 that what one process loses is lost',
    )
  }
}

const SETTINGS = [
  {
    setting: 'appendonly',
    safe: 'yes',
    isSafe: (value: string) => value === 'yes',
    loses: 'what was acknowledged is gone after a restart',
  },
  {
    setting: 'appendfsync',
    safe: 'always',
    isSafe: (value: string) => value === 'always',
    loses: 'what was acknowledged last is gone after a loss of power',
  },
  {
    setting: 'maxmemory-policy',
    safe: 'noeviction',
    isSafe: (value: string, facts: Facts) =>
      value === 'noeviction' || facts.get('maxmemory') === '0',
    loses: 'sessions vanish when memory runs short',
  },
]

async function factsOfMasters(cluster: Cluster): Promise<ReadonlyMap<string, Facts>> {
  const names = [...SETTINGS.map(({ setting }) => setting), 'maxmemory']
  try {
    const replies = await cluster.onMasters([
      ['INFO', 'replication'],
      ['CONFIG', 'GET', ...names],
    ])
    return new Map(
      [...replies].map(([master, [info, settings]]) => [master, factsIn(info, settings)]),
    )
  } catch (error) {
    const reason = error instanceof StoreUnavailableError ? error.cause : error
    if (!(reason instanceof EngineError && ['NOPERM', 'ERR'].includes(reason.code))) {
      throw error
    }
    throw new StoreMismatchError(
      'the engine does not say how it is set up: allow INFO and CONFIG GET to the user of the store (ACL: +info +config|get)',
      { cause: error },
    )
  }
}

function factsIn(info: Reply | undefined, settings: Reply | undefined): Facts {
  const facts = new Map(
    textOf(info)
      .split('\r\n')
      .map((line) => line.split(':', 2) as [string, string]),
  )
  const flat = itemsOf(settings).map(textOf)
  for (let i = 0; i < flat.length; i += 2) {
    facts.set(flat[i] as string, flat[i + 1] as string)
  }
  return facts
}
