import { Command } from 'commander'
import { RefusedError, type WatchEndingsEvent } from '../../client/index.js'
import { EpochClock, type EpochSettings } from '../../core/epoch.js'
import { isoText } from '../../core/time-text.js'
import type { EndedSession } from '../../tokens/index.js'
import { withOptions } from '../flags.js'
import { outputEnded } from '../output/output.js'
import { jsonLine, printable } from '../output/printable.js'
import { instantOrNull } from '../output/session-text.js'
import { type TokensServerFlags, tokensServerOptions, withTokens } from './server.js'

/** `sessiond token watch` */
export function tokenWatchCommand(): Command {
  const command = new Command('watch').description(
    'Print the endings of sessions that are not expired, first all of them and then each as it comes, until SIGTERM or SIGINT.',
  )
  return withOptions(
    command,
    tokensServerOptions("that of a service which the server's --signers names"),
  )
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Each line shows when the session ended, its ID, and why. Messages about the connection go to standard error. With --json:
{"id": …, "end_time": …, "reason": …, "expires": …} a line.

Examples:
  $ sessiond token watch --key service.key
  $ sessiond token watch --key service.key --json | jq -r 'select(.reason == "revoked").id'`,
    )
    .action((flags: TokensServerFlags) =>
      withTokens(flags, [], async ({ tokens, options, connection }) => {
        const signal = AbortSignal.any([options.signal as AbortSignal, outputEnded])
        for await (const event of tokens.watch({ signal })) {
          print(event, connection.epochs, flags.json ?? false)
        }
      }),
    )
}

/** Throws RefusedError where asking again would not help. */
function print(event: WatchEndingsEvent, epochs: EpochSettings, json: boolean): void {
  if (event.type === 'endings') {
    for (const ending of event.endings) {
      console.log(json ? jsonLine(factsOf(ending, epochs)) : lineOf(ending))
    }
    return
  }
  const { error, retryDelayMs } = event
  if (error instanceof RefusedError && error.reason === 'SIGNER_NOT_ALLOWED') {
    throw error
  }
  const reason = printable(error instanceof Error ? error.message : `${error}`)
  console.error(`${reason}; again in ${Math.round(retryDelayMs)} ms`)
}

function lineOf({ id, endTimeMs, reason }: EndedSession): string {
  return `${isoText(endTimeMs)}  ${printable(id)}  ${printable(reason)}`
}

function factsOf({ id, endTimeMs, reason, exp }: EndedSession, epochs: EpochSettings) {
  const expires = instantOrNull(new EpochClock(epochs, Date.now).endsAtMs(exp))
  return { id, endTime: isoText(endTimeMs), reason, expires }
}
