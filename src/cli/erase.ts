import { Command } from 'commander'
import { type AdminClient, eraseUser } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { NothingMatchedError, SessiondError } from '../core/errors.js'
import { type ServerFlags, serverOptions, withAdmin } from './connection/server-connection.js'
import { withOptions } from './flags.js'
import { readUserFlag, userOption, userText } from './named-user.js'
import { confirm } from './output/confirm.js'
import { jsonLine, printable } from './output/printable.js'
import { statusLine } from './output/progress.js'
import { counted } from './output/session-text.js'

/** The server reads all deadlines of its store, which takes seconds for each million. */
const DEADLINE_MS = 3_600_000

interface EraseFlags extends ServerFlags {
  readonly user: string
  readonly yes?: boolean
  readonly dryRun?: boolean
}

/** `sessiond erase` */
export function eraseCommand(): Command {
  const command = new Command('erase')
    .description('Delete everything that a running server keeps about a user.')
    .addOption(userOption('whose; required').makeOptionMandatory())
    .option('--yes', 'do not ask for confirmation')
    .option('--dry-run', 'say what would be erased, and erase nothing')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
Deletes the user's sessions with their sealed keys, and the user's idempotency keys. Open sessions end without notice.
Backups, the audit log and other logs are not touched. Exit code 7: nothing is kept about the user.

Examples:
  $ sessiond export --user alice --out alice.jsonl
  $ sessiond erase --user alice --dry-run
  $ sessiond erase --user alice`,
    )
    .action(erase)
}

async function erase(flags: EraseFlags): Promise<void> {
  const { user, json, server } = flags
  const userIds = readUserFlag(user)
  const isAsking = !flags.yes && !flags.dryRun
  if (isAsking && !process.stdin.isTTY) {
    throw new ConfigError(['--yes: required where there is no terminal to ask on'])
  }
  await withAdmin(
    flags,
    async (admin) => {
      const eraseAll = (isDry: boolean) => eraseNamed(admin, user, userIds, isDry)
      if (flags.dryRun) {
        const { counts, text } = await eraseAll(true)
        console.log(json ? jsonLine({ wouldErase: counts }) : `would erase ${text}`)
        return
      }
      if (isAsking && !(await confirm(`Erase ${(await eraseAll(true)).text} at ${server}?`))) {
        console.error('sessiond: nothing was erased')
        process.exitCode = 1
        return
      }
      const { counts, text } = await waitFor(eraseAll(false), user)
      console.log(json ? jsonLine(counts) : `erased ${text}`)
    },
    DEADLINE_MS,
  )
}

/** Shows that the server works, and says what it does once nobody waits for it. */
async function waitFor<T>(erasure: Promise<T>, name: string): Promise<T> {
  const status = statusLine(process.stderr)
  status.show(`erasing ${printable(name)}: the server reads its whole store`)
  try {
    return await erasure
  } catch (error) {
    if (error instanceof SessiondError && error.code === 'INTERRUPTED') {
      status.clear()
      console.error(
        'sessiond: the server finishes what it has begun; run the command again to erase the rest',
      )
    }
    throw error
  } finally {
    status.clear()
  }
}

/** What was, or would be, erased of the users that `name` stands for. Throws NothingMatchedError if that is nothing. */
async function eraseNamed(
  admin: AdminClient,
  name: string,
  userIds: readonly string[],
  isDry: boolean,
): Promise<{ readonly counts: object; readonly text: string }> {
  const counts = { sessions: 0, idempotency_keys: 0 }
  const whose: string[] = []
  for (const userId of userIds) {
    const { sessions, idempotencyKeys } = await eraseUser(admin, userId, { isDry })
    counts.sessions += sessions
    counts.idempotency_keys += idempotencyKeys
    if (sessions + idempotencyKeys > 0) {
      whose.push(userText(userId))
    }
  }
  if (whose.length === 0) {
    throw new NothingMatchedError(`nothing is kept about ${printable(name)}`)
  }
  const what = `${counted(counts.sessions, 'session')} and ${counted(counts.idempotency_keys, 'idempotency key')}`
  return { counts, text: `${what} of ${whose.join(' and ')}` }
}
