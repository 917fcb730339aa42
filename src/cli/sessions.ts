import { Command } from 'commander'
import type { SessionInfo, SessionsClient } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { type ClosableSessions, closeUser } from '../core/commands/close-user.js'
import { NotFoundError } from '../core/errors.js'
import { withOptions } from './flags.js'
import { printable } from './printable.js'
import { type ServerFlags, serverOptions, withSessions } from './server-connection.js'
import { sessionJson, sessionLines, stateText } from './session-text.js'
import { sessionsListCommand } from './sessions-list.js'
import { sessionsWatchCommand } from './sessions-watch.js'

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
    command.addCommand(subcommand.exitOverride())
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
    .description('Show one session.')
    .argument('<ID>', 'session ID')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      '\nExamples:\n  $ sessiond sessions show 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11 --json',
    )
    .action((id: string, flags: ServerFlags) =>
      withSessions(flags, async (sessions) => {
        const session = existing(await sessions.get(id), id)
        console.log(flags.json ? sessionJson(session) : sessionLines(session))
      }),
    )
}

function closeCommand(): Command {
  const command = new Command('close')
    .description('Close a session, or every open session of a user.')
    .argument('[ID]', 'session ID')
    .option('--user <ID>', 'close every open session of this user (of an owner: its ID in base58)')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
With --json: the closed session, or {"closed": N}.

Examples:
  $ sessiond sessions close 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11
  $ sessiond sessions close --user alice --json`,
    )
    .action(async (id: string | undefined, flags: ServerFlags & { readonly user?: string }) => {
      const { user } = flags
      if ((id === undefined) === (user === undefined)) {
        throw new ConfigError(['give either the ID of a session or --user'])
      }
      await withSessions(flags, async (sessions) => {
        if (user !== undefined) {
          const closed = await closeUser(closable(sessions), user)
          const line = `closed ${closed} ${closed === 1 ? 'session' : 'sessions'} of ${printable(user)}`
          console.log(flags.json ? JSON.stringify({ closed }) : line)
        } else if (id !== undefined) {
          const before = existing(await sessions.get(id), id)
          const closed = existing(await sessions.close(id), id)
          const line = before.active
            ? `closed ${printable(id)}`
            : `${printable(id)} had already ${stateText(before)}`
          console.log(flags.json ? sessionJson(closed) : line)
        }
      })
    })
}

function deleteCommand(): Command {
  const command = new Command('delete')
    .description('Delete the record of a session, whether it is open or not.')
    .argument('<ID>', 'session ID')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
With --json: the deleted record, without user and data.

Examples:
  $ sessiond sessions delete 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11`,
    )
    .action((id: string, flags: ServerFlags) =>
      withSessions(flags, async (sessions) => {
        const before = existing(await sessions.delete(id), id)
        console.log(flags.json ? sessionJson(before) : `deleted ${printable(id)}`)
      }),
    )
}

function closable(sessions: SessionsClient): ClosableSessions {
  return {
    list: (query) => sessions.list({ ...query, withData: false }),
    close: async (id) => (await sessions.close(id)) !== null,
  }
}

function existing(session: SessionInfo | null, id: string): SessionInfo {
  if (session === null) {
    throw new NotFoundError(id)
  }
  return session
}
