import { Command } from 'commander'
import { apart } from '../offline/apart.js'
import type { Repaired } from '../offline/repair.js'
import { withOptions } from './flags.js'
import { jsonLine, printable } from './printable.js'
import { readServerConfig, STORE_OPTIONS, serverConfigOptions } from './server-config.js'

/** `sessiond repair` */
export function repairCommand(): Command {
  const command = new Command('repair').description(
    'Make the store of a stopped server anew out of what can be read of it, and keep the old one.',
  )
  return withOptions(command, serverConfigOptions(STORE_OPTIONS))
    .option('--dry-run', 'say what would be dropped and mended, and change nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Give the options, the variables and the --config file that the server is started with. Records that
can be read are kept, and everything that follows from them is made anew. Each thing that is dropped or
mended is told in a line. The old store stays beside the new one under another name; delete it when you
are content. With --json: a line {"done"} for each, then {"sessions", "changes", "kept_as"}.

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
          ? JSON.stringify({ sessions, changes, kept_as: keptAs })
          : `${sessions} sessions, ${changes} dropped or mended; ${outcome}`,
      )
    })
}
