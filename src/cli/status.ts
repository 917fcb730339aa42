import { hex } from '@scure/base'
import { Command } from 'commander'
import type { ServerStatus } from '../client/index.js'
import { isoText } from '../core/time-text.js'
import { type ServerFlags, serverOptions, withAdmin } from './connection/server-connection.js'
import { withOptions } from './flags.js'
import { jsonLine, table } from './output/printable.js'

/** `sessiond status` */
export function statusCommand(): Command {
  const command = new Command('status').description('Show the status of a running server.')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond status
  $ sessiond status --json | jq .open_sessions`,
    )
    .action((flags: ServerFlags) =>
      withAdmin(flags, async (admin) => {
        const facts = statusFacts(await admin.status())
        console.log(
          flags.json
            ? jsonLine(facts)
            : table(
                Object.entries(facts).map(([name, value]) => [
                  name.replaceAll('_', ' '),
                  `${value ?? ''}`,
                ]),
              ),
        )
      }),
    )
}

function statusFacts(status: ServerStatus) {
  const { identity, nextIdentity } = status
  return {
    version: status.version,
    started: isoText(status.startTimeMs),
    open_sessions: status.openSessions,
    store_writable: status.isStoreWritable,
    identity: hex.encode(identity),
    next_identity: nextIdentity && hex.encode(nextIdentity),
    sealing_key: status.sealingKey,
    clock_offset_ms: status.clockOffsetMs,
    clock_suspect: status.isClockSuspect,
  }
}
