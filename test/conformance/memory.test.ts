import { MemoryStore } from '../support/memory-store.js'
import { storeConformance } from './suite.js'

storeConformance(
  'MemoryStore',
  async () => {
    const store = new MemoryStore()
    return { store, dispose: () => store.close() }
  },
  { lacks: ['durability', 'snapshots', 'operators'] },
)
