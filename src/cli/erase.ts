import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { eraseUser } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { withOptions } from './flags.js'
import { printable } from './printable.js'
import { type ServerFlags, serverOptions, withAdmin } from './server-connection.js'

/** The server reads all deadlines of its store, which takes seconds for each million. */
const DEADLINE_MS = 3_600_000

interface EraseFlags extends ServerFlags {
  readonly user: string
  readonly yes?: boolean
}

/** `sessiond erase` */
export function eraseCommand(): Command {
  const command = new Command('erase')
    .description('Delete everything that a running server keeps about a user.')
    .requiredOption('--user <ID>', 'user ID (of an owner: its ID in base58); required')
    .option('--yes', 'do not ask for confirmation')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
Deletes the user's sessions with their sealed keys, and the user's idempotency keys. Open sessions end without notice.
Backups, the audit log and other logs are not touched.

Examples:
  $ sessiond export --user alice --out alice.jsonl
  $ sessiond erase --user alice`,
    )
    .action(erase)
}

async function erase(flags: EraseFlags): Promise<void> {
  if (!flags.yes && !(await confirm(flags))) {
    console.error('sessiond: nothing was erased')
    process.exitCode = 1
    return
  }
  await withAdmin(
    flags,
    async (admin) => {
      const counts = await eraseUser(admin, flags.user)
      const { sessions, idempotencyKeys } = counts
      console.log(
        flags.json
          ? JSON.stringify(counts)
          : `erased ${sessions} sessions, ${idempotencyKeys} idempotency keys`,
      )
    },
    DEADLINE_MS,
  )
}

/** Throws ConfigError where there is no terminal. */
async function confirm({ user, server }: EraseFlags): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new ConfigError(['--yes: required where there is no terminal to ask on'])
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const question = `Erase everything about user ${printable(user)} at ${server}? Type "yes": `
    // Control-C and Control-D abort the question, the end of the terminal leaves it without an answer.
    const closed = once(terminal, 'close').then(() => '')
    const answered = terminal.question(question).catch(() => '')
    return (await Promise.race([answered, closed])).trim() === 'yes'
  } finally {
    terminal.close()
  }
}
