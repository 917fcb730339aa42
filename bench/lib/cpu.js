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

/**
 * Begins to watch. The function returned says how long that was, and the CPU time that the server and this process used
 * meanwhile, in milliseconds and as a share. What is the server's is null without /proc.
 */
export function watchCpu(pid) {
  const startMs = performance.now()
  const serverStartMs = cpuTimeMs(pid)
  const ownStart = process.cpuUsage()
  return () => {
    const elapsedMs = performance.now() - startMs
    const { user, system } = process.cpuUsage(ownStart)
    const ownMs = (user + system) / 1000
    const serverMs = serverStartMs === null ? null : cpuTimeMs(pid) - serverStartMs
    return {
      ...{ elapsedMs, serverMs, ownMs },
      serverCpuShare: serverMs === null ? null : serverMs / elapsedMs,
      generatorCpuShare: ownMs / elapsedMs,
    }
  }
}
