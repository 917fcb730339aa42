import { hex } from '@scure/base'
import { Command, Option } from 'commander'
import type {
  CallOptions,
  ListOwnedOptions,
  OwnedSession,
  TokensClient,
} from '../../client/index.js'
import { count } from '../../config/values.js'
import { EpochClock } from '../../core/epoch.js'
import { ownerFromText, ownerText } from '../../core/owner-text.js'
import { isoText } from '../../core/time-text.js'
import { parseFlag, withOptions } from '../flags.js'
import { jsonLine, table } from '../output/printable.js'
import { counted, instantOrNull } from '../output/session-text.js'
import { type TokensServerFlags, tokensServerOptions, withTokens } from './server.js'

interface ListFlags extends TokensServerFlags {
  readonly owner?: string
  readonly open?: boolean
  readonly limit: string
  readonly all?: boolean
}

/** The most sessions of a page. */
const PAGE = 100

/** `sessiond token list` */
export function tokenListCommand(): Command {
  const command = new Command('list')
    .description('List the sessions of an owner, those with the newest request first.')
    .option('--owner <ID>', 'owner ID, if not the one of the key: hex:…, base58:… or plain text')
    .option('--open', 'only sessions that have not ended')
    .option('--limit <N>', 'largest number of sessions', '100')
    .addOption(new Option('--all', 'all of them, however many').conflicts('limit'))
  return withOptions(command, tokensServerOptions("the owner's"))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
With --json: one session a line, as \`sessiond token issue --session\` takes it.

Examples:
  $ sessiond token list --open
  $ sessiond token list --all --json | jq -r 'select(.end_reason == "revoked").id'`,
    )
    .action(list)
}

async function list(flags: ListFlags): Promise<void> {
  const mistakes: string[] = []
  const limit = parseFlag('--limit', flags.limit, count, mistakes)
  const readOwner = (text: string) => ownerFromText(text, '--owner')
  const owner =
    flags.owner === undefined ? undefined : parseFlag('--owner', flags.owner, readOwner, mistakes)
  await withTokens(flags, mistakes, async ({ tokens, options, connection }) => {
    const asked = { openOnly: flags.open ?? false, ...(owner && { owner }) }
    const most = flags.all ? Number.POSITIVE_INFINITY : limit
    const clock = new EpochClock(connection.epochs, Date.now)
    const rows: string[][] = []
    let seen = 0
    // One more tells whether the list is cut.
    for await (const session of listed(tokens, asked, most + 1, options)) {
      seen += 1
      if (seen > most) {
        break
      }
      const expires = instantOrNull(clock.endsAtMs(session.lifetime.exp))
      if (flags.json) {
        console.log(jsonLine(factsOf(session, expires)))
      } else {
        rows.push(rowOf(session, `${expires}`))
      }
    }
    if (!flags.json) {
      console.log(
        table([['SESSION', 'STATE', 'OPENED', 'EXPIRES', 'ENDED', 'ADDRESS', 'CLIENT'], ...rows]),
      )
    }
    if (seen > most) {
      console.error(`stopped after ${counted(most, 'session')}: --all shows all`)
    }
  })
}

/**
 * Page by page, each session once. Pages overlap by half: where sessions end meanwhile, those behind them move up, into what
 * was read. A page is shorter where the server leaves out sessions that a command opened for the same text.
 */
export async function* listed(
  tokens: TokensClient,
  asked: ListOwnedOptions,
  limit: number,
  options: CallOptions,
): AsyncGenerator<OwnedSession, void> {
  const seen = new Set<string>()
  const take = Math.min(PAGE, limit)
  for (let skip = 0; seen.size < limit; skip += Math.ceil(take / 2)) {
    const page = await tokens.list({ ...asked, skip, take }, options)
    if (page.length === 0) {
      return
    }
    for (const session of page) {
      if (seen.size < limit && !seen.has(session.id)) {
        seen.add(session.id)
        yield session
      }
    }
  }
}

function factsOf(session: OwnedSession, expires: string | number | null) {
  const { id, publicKey, owner, lifetime, active, openTimeMs, endTimeMs, ...rest } = session
  const { exp, nbf, iat } = lifetime
  return {
    id,
    publicKey: hex.encode(publicKey),
    owner: ownerText(owner),
    lifetime: { exp: `${exp}`, nbf: `${nbf}`, iat: `${iat}` },
    expires,
    active,
    openTime: isoText(openTimeMs),
    endTime: endTimeMs === null ? null : isoText(endTimeMs),
    ...rest,
  }
}

function rowOf(session: OwnedSession, expires: string): string[] {
  const { id, active, openTimeMs, endTimeMs, endReason, address, client } = session
  const ended = endTimeMs === null ? '-' : isoText(endTimeMs)
  const state = active ? 'open' : (endReason ?? 'ended')
  return [id, state, isoText(openTimeMs), expires, ended, address, client]
}
