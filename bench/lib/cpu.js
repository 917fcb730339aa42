import { readFileSync } from 'node:fs'

/** Clock ticks of /proc, 100 a second wherever Node runs. */
const TICK_MS = 10

/** CPU time that a process has used with all its threads, in milliseconds; null where there is no /proc. */
export function cpuTimeMs(pid) {
  if (process.platform !== 'linux') {
    return null
  }
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // From field 3 on, behind the name, which may hold anything (proc(5)): utime is 14, stime 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
