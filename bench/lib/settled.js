import { setTimeout as sleep } from 'node:timers/promises'
import { cpuTimeMs } from './cpu.js'

const LOOK_MS = 500
const QUIET_SHARE = 0.02
const QUIET_LOOKS = 4
const AT_MOST_MS = 180_000

/**
 * Waits until a server that nobody calls has done what it does by itself: walks over what is stored, and LevelDB's merging of
 * tables. Rejects where that takes more than three minutes.
 */
export async function settled(pid) {
  let quiet = 0
  let usedMs = cpuTimeMs(pid)
  for (const startMs = performance.now(); quiet < QUIET_LOOKS; ) {
    if (performance.now() - startMs > AT_MOST_MS) {
      throw new Error('the server does not come to rest')
    }
    await sleep(LOOK_MS)
    const nowMs = cpuTimeMs(pid)
    quiet = nowMs - usedMs <= QUIET_SHARE * LOOK_MS ? quiet + 1 : 0
    usedMs = nowMs
  }
}
