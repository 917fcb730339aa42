import { Command, Option } from 'commander'
import {
  type ListAllOptions,
  ServerUnavailableError,
  type SessionInfo,
  type SessionsClient,
} from '../../client/index.js'
import { ConfigError } from '../../config/config.js'
import { count, timeOrAgoMs } from '../../config/values.js'
import { NothingMatchedError } from '../../core/errors.js'
import { type ServerFlags, serverOptions, withSessions } from '../connection/server-connection.js'
import { parseFlag, withOptions } from '../flags.js'
import { readUserFlag, userOption } from '../named-user.js'
import { printable } from '../output/printable.js'
import { sessionJson, sessionTable } from '../output/session-text.js'

interface ListFlags extends ServerFlags {
  readonly user?: string
  readonly active?: boolean
  readonly ended?: boolean
  readonly from?: string
  readonly to?: string
  readonly skip: string
  readonly limit: string
  readonly all?: boolean
}

/** `sessiond sessions list` */
export function sessionsListCommand(): Command {
  const command = new Command('list')
    .description('List sessions, those with the newest request first.')
    .addOption(userOption('only sessions of this user'))
    .addOption(new Option('--active', 'only open sessions').conflicts('ended'))
    .option('--ended', 'only ended sessions')
    .option(
      '--from <TIME>',
      'only sessions last used at or after this time (ISO 8601, Unix seconds or milliseconds, or a duration ago, such as 1h)',
    )
    .option('--to <TIME>', 'only sessions last used before this time')
    .option('--skip <N>', 'number of sessions to leave out first', '0')
    .option('--limit <N>', 'largest number of sessions', '100')
    .addOption(new Option('--all', 'all that match, however many').conflicts('limit'))
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
If more sessions match than are shown, standard error says how many. Exit code 7: none of the user matches.
With --json: {"total": N, "data": [sessions]}; null: counting took too long.

Examples:
  $ sessiond sessions list --active
  $ sessiond sessions list --user alice --from 2026-01-01
  $ sessiond sessions list --from 2h --to 1h
  $ sessiond sessions list --ended --all --json`,
    )
    .action(async (flags: ListFlags) => {
      const { queries, skip, limit } = readListFlags(flags)
      await withSessions(flags, async (sessions) => {
        const lists = queries.map((query) =>
          sessions.listAll({ ...query, withData: flags.json ?? false }),
        )
        const { shown, seen, isCut } = await take(newestFirst(lists), skip, limit)
        const total = isCut ? await totalOf(sessions, queries) : seen
        if (flags.json) {
          console.log(`{"total":${total},"data":[${shown.map(sessionJson).join()}]}`)
        } else {
          console.log(sessionTable(shown))
        }
        if (total === 0) {
          tellOfNone(flags)
        }
        if (isCut) {
          const all = total?.toLocaleString('en') ?? 'more than could be counted in time'
          console.error(`${shown.length.toLocaleString('en')} of ${all}: --all shows all`)
        }
      })
    })
}

/** Of a user who is named, that is a failure: NothingMatchedError. */
function tellOfNone({ user, active, ended, from, to }: ListFlags): void {
  if (user !== undefined) {
    throw new NothingMatchedError(`no session of ${printable(user)} matches`)
  }
  const isFiltered = active || ended || from !== undefined || to !== undefined
  console.error(isFiltered ? 'no session matches' : 'there are no sessions')
}

/** A query for each user. Throws ConfigError. */
function readListFlags(flags: ListFlags) {
  const mistakes: string[] = []
  const { user, from, to } = flags
  const nowMs = Date.now()
  const instant = (text: string) => timeOrAgoMs(text, nowMs)
  const skip = parseFlag('--skip', flags.skip, count, mistakes)
  const limit = parseFlag('--limit', flags.limit, count, mistakes)
  const filter = {
    ...((flags.active || flags.ended) && { active: flags.active ?? false }),
    ...(from !== undefined && { fromTimeMs: parseFlag('--from', from, instant, mistakes) }),
    ...(to !== undefined && { toTimeMs: parseFlag('--to', to, instant, mistakes) }),
  }
  const { fromTimeMs, toTimeMs } = filter
  if (fromTimeMs !== undefined && toTimeMs !== undefined && fromTimeMs >= toTimeMs) {
    mistakes.push(`--from: ${from} is not before --to ${to}`)
  }
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  const queries: readonly ListAllOptions[] =
    user === undefined ? [filter] : readUserFlag(user).map((userId) => ({ ...filter, userId }))
  return { queries, skip, limit: flags.all ? Number.POSITIVE_INFINITY : limit }
}

/** One list of several, which are sorted already. */
async function* newestFirst(
  lists: readonly AsyncGenerator<SessionInfo<string>, void>[],
): AsyncGenerator<SessionInfo<string>, void> {
  const heads = await Promise.all(lists.map((list) => list.next()))
  for (;;) {
    let newest: SessionInfo<string> | undefined
    let at = -1
    for (const [i, { value }] of heads.entries()) {
      if (value && (newest === undefined || value.requestTimeMs > newest.requestTimeMs)) {
        newest = value
        at = i
      }
    }
    const list = lists[at]
    if (newest === undefined || list === undefined) {
      return
    }
    yield newest
    heads[at] = await list.next()
  }
}

/** The sessions behind the first `skip`, at most `limit`; how many there are up to these, and whether there are more. */
async function take(list: AsyncGenerator<SessionInfo<string>, void>, skip: number, limit: number) {
  const shown: SessionInfo<string>[] = []
  let skipped = 0
  for await (const session of list) {
    if (skipped < skip) {
      skipped++
    } else if (shown.length < limit) {
      shown.push(session)
    } else {
      return { shown, seen: skipped + shown.length, isCut: true }
    }
  }
  return { shown, seen: skipped + shown.length, isCut: false }
}

/** How many sessions match; null if the server takes too long to count them. */
async function totalOf(
  sessions: SessionsClient<string>,
  queries: readonly ListAllOptions[],
): Promise<number | null> {
  try {
    const pages = queries.map((query) => sessions.list({ ...query, take: 0, total: true }))
    const totals = (await Promise.all(pages)).map(({ total }) => total ?? 0)
    return totals.reduce((sum, total) => sum + total, 0)
  } catch (error) {
    if (error instanceof ServerUnavailableError) {
      return null
    }
    throw error
  }
}
