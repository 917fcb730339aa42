// The built command line with a store that never closes.
import { LevelStore } from '../../dist/stores/level/store.js'

LevelStore.prototype.close = () => new Promise(() => {})
await import('../../dist/cli/main.js')
