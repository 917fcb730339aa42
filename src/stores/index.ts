import type { StoreEngine, StorePlace } from './engine.js'
import { readEngineAddress } from './valkey/connection/address.js'

/** A kind of store. Its code is loaded when it is asked for. */
interface StoreKind {
  /** Empty for another name of a kind. */
  readonly help: string
  /** How large the data of a session may be, in bytes, where there is a limit. */
  readonly maxDataBytes?: number
  /** Throws where the address is none of this kind. */
  readonly checkAddress?: (address: string) => void
  readonly load: () => Promise<(place: StorePlace) => StoreEngine>
}

/** Every kind of store, by its name in `--store`. A new one touches nothing else outside its own folder. */
const KINDS: Readonly<Record<string, StoreKind>> = {
  level: {
    help: 'level: LevelDB in the data directory; level:DIR: in another one',
    load: async () => (await import('./level/engine.js')).levelEngine,
  },
  valkey: shared(
    'valkey',
    'valkey://HOST:PORT,…: a Valkey or Redis server or cluster, which several servers may share (redis:// is the same)',
  ),
  valkeys: shared('valkeys', 'valkeys://HOST:PORT,…: the same over TLS (rediss:// is the same)'),
  redis: shared('redis'),
  rediss: shared('rediss'),
}

function shared(kind: string, help = ''): StoreKind {
  return {
    help,
    // One answer of the engine has up to a hundred sessions, and at most 64 MiB.
    maxDataBytes: 512 * 1024,
    checkAddress: (address) => readEngineAddress(kind, address),
    load: async () => (await import('./valkey/engine.js')).valkeyEngine,
  }
}

/** What `--store` says. */
export type StoreName = Pick<StorePlace, 'kind' | 'address'>

export const STORES_HELP = Object.values(KINDS)
  .map(({ help }) => help)
  .filter((help) => help !== '')
  .join('; ')

/** Reads `KIND` or `KIND:ADDRESS`. Throws where there is no such kind, or the address is none. */
export function parseStoreName(text: string): StoreName {
  const [, kind = '', address = ''] = /^([^:]*):?(.*)$/s.exec(text) ?? []
  if (!Object.hasOwn(KINDS, kind)) {
    throw new Error(`there is no such store; the stores are ${STORES_HELP}`)
  }
  KINDS[kind]?.checkAddress?.(address)
  return { kind, address }
}

/** How large the data of a session may be in a store of this kind, in bytes. */
export function maxDataBytesIn({ kind }: StoreName): number {
  return KINDS[kind]?.maxDataBytes ?? Number.POSITIVE_INFINITY
}

/** The engine of the store at this place, not opened yet. */
export async function storeEngine(place: StorePlace): Promise<StoreEngine> {
  const { load } = KINDS[place.kind] as StoreKind
  return (await load())(place)
}
