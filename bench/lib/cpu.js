import { readFileSync } from 'node:fs'

/** Clock ticks of /proc, 100 a second wherever Node runs. */
const TICK_MS = 10

/** CPU time of a process with all its threads, in milliseconds; null without /proc. */
export function cpuTimeMs(pid) {
  if (process.platform !== 'linux') {
    return null
  }
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name, field 2, may contain anything, so read behind it (proc(5)): utime is field 14, stime 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
