import { readdir, readFile } from 'node:fs/promises'

/** Programs of ours, as the tests start them. */
const OURS = /dist\/(cli|offline)\/|test\/support\//

/**
 * Ends, after a run, the processes that tests left: where a test fails before it stops a server, that would run for ever.
 * Linux alone tells of them.
 */
export default function setUp() {
  return async () => {
    const threads = await readdir('/proc/self/task').catch(() => [])
    for (const thread of threads) {
      const children = await readFile(`/proc/self/task/${thread}/children`, 'utf8').catch(() => '')
      for (const pid of children.split(' ').filter(Boolean)) {
        const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
        if (OURS.test(command)) {
          console.error(`LEFT BY A TEST: ${command.replaceAll('\0', ' ')}`)
          process.kill(Number(pid), 'SIGKILL')
        }
      }
    }
  }
}
