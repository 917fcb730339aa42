import { Command } from 'commander'
import { apart } from '../offline/apart.js'
import type { Repaired } from '../offline/repair.js'
import { withOptions } from './flags.js'
import { jsonLine, printable } from './output/printable.js'
import { readServerConfig, STORE_OPTIONS, serverConfigOptions } from './server-config.js'

/** `sessiond repair` */
export function repairCommand(): Command {
  const command = new Command('repair').description(
    'Rebuild the store of a stopped server from what is readable, and keep the old store.',
  )
  return withOptions(command, serverConfigOptions(STORE_OPTIONS))
    .option('--dry-run', 'show what would be dropped or repaired, and change nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Use the same options, variables and --config file as the server. Readable records are kept, and indexes are rebuilt
from them. One line tells of each entry that is dropped or repaired. The old store stays beside the new one under another
name: delete it when you no longer need it. With --json: a line {"done"} for each, then {"sessions", "changes",
"kept_as"}.

Examples:
  $ sessiond repair --data-dir /var/lib/sessiond --dry-run
  $ sessiond repair --data-dir /var/lib/sessiond && sessiond check --data-dir /var/lib/sessiond`,
    )
    .action(async (flags: { dryRun?: boolean; json?: boolean }, self: Command) => {
      let changes = 0
      const config = readServerConfig(self, STORE_OPTIONS)
      let repaired: Repaired | undefined
      for await (const report of apart({ kind: 'repair', config, isDry: flags.dryRun ?? false })) {
        if ('line' in report) {
          changes++
          console.log(flags.json ? jsonLine({ done: report.line }) : printable(report.line))
        } else if ('repaired' in report) {
          repaired = report.repaired
        }
      }
      if (repaired === undefined) {
        throw new Error('the repair ended without an outcome')
      }
      const { counts, keptAs } = repaired
      const { sessions } = counts
      const outcome = keptAs === null ? 'nothing was changed' : `the old store is kept as ${keptAs}`
      console.log(
        flags.json
          ? jsonLine({ sessions, changes, keptAs })
          : `${sessions} sessions, ${changes} dropped or mended; ${outcome}`,
      )
    })
}
