import { readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 20

/**
 * Memory of a process in bytes, without the files mapped into it; null without /proc. LevelDB maps its
 * tables, and the system takes that memory back when it needs it.
 */
export function anonymousBytes(pid) {
  if (process.platform !== 'linux') {
    return null
  }
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) * 1024
}

/** Samples that memory. The returned function ends it and returns the largest sample. */
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
