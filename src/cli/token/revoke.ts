import { Command } from 'commander'
import { isoText } from '../../core/time-text.js'
import { withOptions } from '../flags.js'
import { printEach } from '../output/print-each.js'
import { jsonLine, printable } from '../output/printable.js'
import { type TokensServerFlags, tokensServerOptions, withTokens } from './server.js'
import { sessionIds } from './session.js'

/** `sessiond token revoke` */
export function tokenRevokeCommand(): Command {
  const command = new Command('revoke')
    .description("End sessions at once, as their owner or with a session's own key.")
    .argument(
      '[SESSION...]',
      'session IDs (default: standard input, one ID or JSON of a session a line)',
    )
  return withOptions(command, tokensServerOptions("the owner's or the session's own"))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
With --json: {"id": …, "ended_now": …, "end_time": …} a line. Exit code 1: a session is not there, or is not yours.
Exit code 7: none was named, as of an empty list.

Examples:
  $ sessiond token revoke 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11
  $ sessiond token list --open --json | sessiond token revoke`,
    )
    .action((given: readonly string[], flags: TokensServerFlags) =>
      withTokens(flags, [], async ({ tokens, options }) => {
        await printEach(sessionIds(given), async (id) => {
          const { endedNow, endTimeMs } = await tokens.revoke(id, options)
          const endTime = isoText(endTimeMs)
          if (flags.json) {
            return jsonLine({ id, endedNow, endTime })
          }
          return endedNow ? `ended ${printable(id)}` : `${printable(id)} had ended ${endTime}`
        })
      }),
    )
}
