import type { SessionsClient } from '../../client/index.js'
import { closeUser } from '../../core/commands/close-user.js'
import { NothingMatchedError } from '../../core/errors.js'
import { readUserFlag, userText } from '../named-user.js'
import { confirm } from '../output/confirm.js'
import { jsonLine, printable } from '../output/printable.js'
import { progressOn } from '../output/progress.js'
import { counted } from '../output/session-text.js'
import { interruptible } from '../signals.js'

/** Fewer are closed at once. */
const MANY = 100

export interface CloseUserFlags {
  readonly server: string
  readonly json?: boolean
  readonly yes?: boolean
  readonly dryRun?: boolean
}

/**
 * Closes every open session of the users that `name` stands for. On a terminal it asks first. Throws ConfigError, and
 * NothingMatchedError if there is no session to close.
 */
export async function closeNamed(
  sessions: SessionsClient,
  name: string,
  flags: CloseUserFlags,
): Promise<void> {
  const userIds = await withOpenSessions(sessions, readUserFlag(name))
  const open = [...userIds.values()].reduce((sum, count) => sum + count, 0)
  if (open === 0) {
    throw new NothingMatchedError(`${printable(name)} has no open session`)
  }
  const whose = [...userIds.keys()].map(userText).join(' and ')
  if (flags.dryRun) {
    const line = `would close ${counted(open, 'session')} of ${whose}`
    console.log(flags.json ? jsonLine({ wouldClose: open }) : line)
    return
  }
  const question = `Close ${counted(open, 'session')} of ${whose} at ${flags.server}?`
  if (!flags.yes && process.stdin.isTTY && !(await confirm(question))) {
    console.error('sessiond: nothing was closed')
    process.exitCode = 1
    return
  }
  const closed = await closeAll(sessions, [...userIds.keys()], whose, open)
  console.log(
    flags.json ? jsonLine({ closed }) : `closed ${counted(closed, 'session')} of ${whose}`,
  )
}

/**
 * Closes page by page, and shows how far it is. SIGINT and SIGTERM end it after a page. Whatever ends it early, it says how many
 * were closed.
 */
async function closeAll(
  sessions: SessionsClient,
  userIds: readonly string[],
  whose: string,
  open: number,
): Promise<number> {
  const progress = progressOn(process.stderr, whose)
  let closed = 0
  const closeEach = async (signal: AbortSignal) => {
    const closable = {
      list: (query: { readonly userId: string; readonly active: true }) => {
        signal.throwIfAborted()
        if (open >= MANY) {
          progress.show(closed / Math.max(open, closed), `${closed.toLocaleString('en')} closed`)
        }
        return sessions.list({ ...query, withData: false })
      },
      close: async (id: string) => {
        const isClosed = (await sessions.close(id)) !== null
        closed += isClosed ? 1 : 0
        return isClosed
      },
    }
    for (const userId of userIds) {
      await closeUser(closable, userId)
    }
  }
  try {
    await interruptible(closeEach)
  } catch (error) {
    progress.clear()
    const done = closed.toLocaleString('en')
    console.error(`sessiond: closed ${done} of ${counted(open, 'session')} of ${whose}`)
    throw error
  }
  progress.clear()
  return closed
}

/** How many open sessions each of the users has, without those that have none. */
async function withOpenSessions(
  sessions: SessionsClient,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const open = new Map<string, number>()
  for (const userId of userIds) {
    const { total } = await sessions.list({ userId, active: true, take: 0, total: true })
    if (total) {
      open.set(userId, total)
    }
  }
  return open
}
