// Loaded before a server (`--import`): its wall clock is set by what SET_CLOCK_FILE holds, milliseconds, which
// is read at SIGUSR2 and, if it is there, at the start.
import { existsSync, readFileSync } from 'node:fs'

const file = process.env.SET_CLOCK_FILE ?? ''
const now = Date.now
let offsetMs = 0
const read = () => {
  offsetMs = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
}
Date.now = () => now() + offsetMs
process.on('SIGUSR2', read)
read()
