import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { haveTool } from './tools.js'

/** Whether this user may mount in a namespace of its own. */
export const canMount = () => haveTool('unshare', ['unshare', '-rm', 'true'])

/**
 * Runs a program in a mount namespace of its own with a small file system at `directory`, which goes when
 * the program ends; what it holds is then copied to `copyTo`.
 */
export function onSmallDisk(directory: string, sizeBytes: number, copyTo: string): string[] {
  const script = `
    mount -t tmpfs -o size=${sizeBytes} tmpfs "$0"
    copyTo=$1; shift
    "$@" & child=$!
    trap 'kill -TERM $child' TERM
    wait $child; code=$?
    # A trapped signal ends the wait before the program.
    while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
    cp -a "$0/." "$copyTo"
    exit $code`
  return ['unshare', '-rm', 'sh', '-c', script, directory, copyTo]
}

/** A small disk as it is seen by the process that is on it. */
export function diskOf(pid: number, directory: string) {
  const ballast = join(`/proc/${pid}/root${directory}`, 'ballast')
  return {
    /** Leaves no byte free. */
    async fill(): Promise<void> {
      for (let size = 1024 * 1024; size >= 1; ) {
        try {
          await appendFile(ballast, Buffer.alloc(size))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') {
            throw error
          }
          size = Math.floor(size / 16)
        }
      }
    },
    /** Gives the space back. */
    empty: () => rm(ballast),
  }
}
