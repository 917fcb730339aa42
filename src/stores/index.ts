import type { StoreEngine, StorePlace } from './engine.js'

/** A kind of store. Its code is loaded when it is asked for. */
interface StoreKind {
  readonly help: string
  readonly load: () => Promise<(place: StorePlace) => StoreEngine>
}

/** Every kind of store, by its name in `--store`. A new one touches nothing else outside its own folder. */
const KINDS: Readonly<Record<string, StoreKind>> = {
  level: {
    help: 'level: LevelDB in the data directory; level:DIR: in another one',
    load: async () => (await import('./level/engine.js')).levelEngine,
  },
}

/** What `--store` says. */
export type StoreName = Pick<StorePlace, 'kind' | 'address'>

export const STORES_HELP = Object.values(KINDS)
  .map(({ help }) => help)
  .join('; ')

/** Reads `KIND` or `KIND:ADDRESS`. Throws where there is no such kind. */
export function parseStoreName(text: string): StoreName {
  const [, kind = '', address = ''] = /^([^:]*):?(.*)$/s.exec(text) ?? []
  if (!Object.hasOwn(KINDS, kind)) {
    throw new Error(`there is no such store; the stores are ${STORES_HELP}`)
  }
  return { kind, address }
}

/** The engine of the store at this place, not opened yet. */
export async function storeEngine(place: StorePlace): Promise<StoreEngine> {
  const { load } = KINDS[place.kind] as StoreKind
  return (await load())(place)
}
