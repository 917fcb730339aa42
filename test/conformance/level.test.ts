import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LevelStore } from '../../src/stores/level/store.js'
import { EPOCHS } from '../support/store-sessions.js'
import { storeConformance } from './suite.js'

storeConformance('LevelStore', async () => {
  const location = await mkdtemp(join(tmpdir(), 'sessiond-'))
  let store = await LevelStore.open(location, { epochs: EPOCHS })
  return {
    store,
    served: store,
    async reopen() {
      await store.close()
      store = await LevelStore.open(location, { epochs: EPOCHS })
      return store
    },
    async dispose() {
      await store.close()
      await rm(location, { recursive: true })
    },
  }
})
