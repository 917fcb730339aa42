import { readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 20

/**
 * What a process holds in memory without the files mapped into it, in bytes; null where there is no
 * /proc. LevelDB maps its tables, which the system takes away again when it needs the room.
 */
export function anonymousBytes(pid) {
  if (process.platform !== 'linux') {
    return null
  }
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024
}

/** Keeps looking at that; the function returned ends it and gives the most that was seen. */
export function watchAnonymousBytes(pid) {
  let most = anonymousBytes(pid)
  const timer = setInterval(() => {
    most = most === null ? null : Math.max(most, anonymousBytes(pid))
  }, LOOK_EVERY_MS)
  return () => {
    clearInterval(timer)
    return most
  }
}
