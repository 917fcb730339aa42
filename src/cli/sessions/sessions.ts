import { Command } from 'commander'
import type { SessionInfo } from '../../client/index.js'
import { ConfigError } from '../../config/config.js'
import { NotFoundError } from '../../core/errors.js'
import { type ServerFlags, serverOptions, withSessions } from '../connection/server-connection.js'
import { withOptions } from '../flags.js'
import { userOption } from '../named-user.js'
import { printEach } from '../output/print-each.js'
import { printable } from '../output/printable.js'
import { sessionJson, sessionLines, stateText } from '../output/session-text.js'
import { type CloseUserFlags, closeNamed } from './close-user.js'
import { sessionsListCommand } from './list.js'
import { sessionsWatchCommand } from './watch.js'

/** `sessiond sessions` */
export function sessionsCommand(): Command {
  const command = new Command('sessions').description(
    'List, watch, show, close or delete the sessions of a running server.',
  )
  for (const subcommand of [
    sessionsListCommand(),
    sessionsWatchCommand(),
    showCommand(),
    closeCommand(),
    deleteCommand(),
  ]) {
    command.addCommand(subcommand)
  }
  return command.addHelpText(
    'after',
    `
Examples:
  $ sessiond sessions list --active
  $ sessiond sessions watch
  $ sessiond sessions show 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11
  $ sessiond sessions close --user alice`,
  )
}

function showCommand(): Command {
  const command = new Command('show')
    .description('Show sessions.')
    .argument('<ID...>', 'session IDs')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
With --json: one session a line.

Examples:
  $ sessiond sessions show 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11 --json`,
    )
    .action((ids: readonly string[], flags: ServerFlags) =>
      withSessions(flags, (sessions) =>
        printEach(ids, async (id) => {
          const session = existing(await sessions.get(id), id)
          const text = `${sessionLines(session)}${ids.length > 1 ? '\n' : ''}`
          return flags.json ? sessionJson(session) : text
        }),
      ),
    )
}

interface CloseFlags extends ServerFlags, Omit<CloseUserFlags, keyof ServerFlags> {
  readonly user?: string
}

function closeCommand(): Command {
  const command = new Command('close')
    .description('Close sessions, or every open session of a user.')
    .argument('[ID...]', 'session IDs')
    .addOption(userOption('close every open session of this user'))
    .option('--yes', 'with --user: do not ask for confirmation')
    .option('--dry-run', 'with --user: say what would be closed, and close nothing')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
With --json: one closed session a line, {"closed": N} or {"would_close": N}. Exit code 7: the user has no open session.
After Control-C, --user says how many it closed; run it again to close the rest.

Examples:
  $ sessiond sessions close 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11
  $ sessiond sessions close --user alice --dry-run
  $ sessiond sessions list --active --from 1h --json | jq -r '.data[].id' | xargs sessiond sessions close
  $ sessiond sessions close --user alice --yes --json`,
    )
    .action(async (ids: readonly string[], flags: CloseFlags) => {
      const { user } = flags
      if ((ids.length === 0) === (user === undefined)) {
        throw new ConfigError(['give either IDs of sessions or --user'])
      }
      if (flags.dryRun && user === undefined) {
        throw new ConfigError(['--dry-run: needs --user'])
      }
      await withSessions(flags, async (sessions) => {
        if (user !== undefined) {
          await closeNamed(sessions, user, flags)
          return
        }
        await printEach(ids, async (id) => {
          const before = existing(await sessions.get(id), id)
          const closed = existing(await sessions.close(id), id)
          const line = before.active
            ? `closed ${printable(id)}`
            : `${printable(id)} had already ${stateText(before)}`
          return flags.json ? sessionJson(closed) : line
        })
      })
    })
}

function deleteCommand(): Command {
  const command = new Command('delete')
    .description('Delete the records of sessions, whether they are open or not.')
    .argument('<ID...>', 'session IDs')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
With --json: one deleted record a line, without user and data.

Examples:
  $ sessiond sessions delete 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11`,
    )
    .action((ids: readonly string[], flags: ServerFlags) =>
      withSessions(flags, (sessions) =>
        printEach(ids, async (id) => {
          const before = existing(await sessions.delete(id), id)
          return flags.json ? sessionJson(before) : `deleted ${printable(id)}`
        }),
      ),
    )
}

function existing(session: SessionInfo<string> | null, id: string): SessionInfo<string> {
  if (session === null) {
    throw new NotFoundError(id)
  }
  return session
}
