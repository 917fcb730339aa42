import { StoreUnavailableError } from '../../src/core/errors.js'
import type { SharedKeys } from '../../src/core/store.js'

/** What a store that several servers share remembers of their keys. It may be away. */
export function sharedKeys() {
  let known: SharedKeys = { identity: null, nextIdentity: null, earlierIdentities: [], sealing: {} }
  let away = false
  return {
    known: () => known,
    isAway: (isAway: boolean) => {
      away = isAway
    },
    agreeOnKeys: async (change: (before: SharedKeys) => SharedKeys) => {
      if (away) {
        throw new StoreUnavailableError('it is gone')
      }
      known = change(known)
      return known
    },
  }
}
