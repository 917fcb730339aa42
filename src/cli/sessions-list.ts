import { Command, Option } from 'commander'
import type { ListOptions } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { count, timeMs } from '../config/values.js'
import { PAGE } from '../core/commands/list-sessions.js'
import { parseFlag, withOptions } from './flags.js'
import { type ServerFlags, serverOptions, withSessions } from './server-connection.js'
import { sessionJson, sessionTable } from './session-text.js'

interface ListFlags extends ServerFlags {
  readonly user?: string
  readonly active?: boolean
  readonly ended?: boolean
  readonly from?: string
  readonly to?: string
  readonly skip: string
  readonly take: string
  readonly total?: boolean
}

/** `sessiond sessions list` */
export function sessionsListCommand(): Command {
  const command = new Command('list')
    .description('List sessions, those with the newest request first.')
    .option('--user <ID>', 'only sessions of this user (of an owner: its ID in base58)')
    .addOption(new Option('--active', 'only open sessions').conflicts('ended'))
    .option('--ended', 'only ended sessions')
    .option(
      '--from <TIME>',
      'only sessions last used at or after this time (ISO 8601, or Unix seconds or milliseconds)',
    )
    .option('--to <TIME>', 'only sessions last used before this time')
    .option('--skip <N>', 'number of sessions to skip', '0')
    .option('--take <N>', `maximum number of sessions, up to ${PAGE}`, `${PAGE}`)
    .option('--total', 'also count all matching sessions')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
With --json: {"total": N or null, "data": [sessions]}.

Examples:
  $ sessiond sessions list --active
  $ sessiond sessions list --user alice --from 2026-01-01 --total
  $ sessiond sessions list --ended --skip 100 --json`,
    )
    .action(async (flags: ListFlags) => {
      const options = readListFlags(flags)
      await withSessions(flags, async (sessions) => {
        const page = await sessions.list({ ...options, withData: flags.json ?? false })
        if (flags.json) {
          const data = page.sessions.map(sessionJson).join(',')
          console.log(`{"total":${page.total},"data":[${data}]}`)
        } else {
          console.log(sessionTable(page.sessions))
          if (page.total !== null) {
            console.log(`\n${page.sessions.length} of ${page.total}`)
          }
        }
      })
    })
}

/** Throws ConfigError. */
function readListFlags(flags: ListFlags): ListOptions {
  const mistakes: string[] = []
  const { user, from, to } = flags
  const skip = parseFlag('--skip', flags.skip, count, mistakes)
  const take = parseFlag('--take', flags.take, pageLength, mistakes)
  const options = {
    ...{ skip, take, total: flags.total ?? false },
    ...(user !== undefined && { userId: user }),
    ...((flags.active || flags.ended) && { active: flags.active ?? false }),
    ...(from !== undefined && { fromTimeMs: parseFlag('--from', from, timeMs, mistakes) }),
    ...(to !== undefined && { toTimeMs: parseFlag('--to', to, timeMs, mistakes) }),
  }
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return options
}

function pageLength(text: string): number {
  const value = count(text)
  if (value > PAGE) {
    throw new Error(`${value} is more than ${PAGE}: get further pages with --skip`)
  }
  return value
}
