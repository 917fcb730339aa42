import { readdir, readFile } from 'node:fs/promises'

/** Programs of ours, as the tests start them. */
const OURS = /dist\/(cli|offline)\/|test\/support\/|valkey-server|redis-server/

/**
 * Ends, after a run, the processes that tests left, and fails the run: such a server would run for ever. Linux alone tells
 * of them.
 */
export default function setUp() {
  return async () => {
    const left: string[] = []
    const threads = await readdir('/proc/self/task').catch(() => [])
    for (const thread of threads) {
      const children = await readFile(`/proc/self/task/${thread}/children`, 'utf8').catch(() => '')
      for (const pid of children.split(' ').filter(Boolean)) {
        const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
        if (OURS.test(command)) {
          left.push(command.replaceAll('\0', ' '))
          process.kill(Number(pid), 'SIGKILL')
        }
      }
    }
    if (left.length > 0) {
      console.error(`LEFT BY TESTS:\n${left.join('\n')}`)
      // An error here would not fail the run.
      process.exitCode = 1
    }
  }
}
