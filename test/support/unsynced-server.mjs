// The built command line with a store that does not wait for the disk.
import { LevelStore } from '../../dist/stores/level/store.js'

const open = LevelStore.open.bind(LevelStore)
LevelStore.open = (location, options) => open(location, { ...options, sync: false })
await import('../../dist/cli/main.js')
