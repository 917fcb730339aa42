import { Command } from 'commander'
import { exportUser } from '../client/index.js'
import { NothingMatchedError } from '../core/errors.js'
import { makeFile } from '../files/write.js'
import { type ServerFlags, serverOptions, withAdmin } from './connection/server-connection.js'
import { readUserFlag, userOption } from './named-user.js'
import { printable, printableJson } from './output/printable.js'

interface ExportFlags extends Omit<ServerFlags, 'json'> {
  readonly user: string
  readonly out?: string
}

/** `sessiond export` */
export function exportCommand(): Command {
  const command = new Command('export')
    .description('Export everything that a running server keeps about a user, as JSON lines.')
    .addOption(userOption('whose; required').makeOptionMandatory())
    .option('--out <FILE>', 'new file to write to, mode 0600 (default: standard output)')
  for (const option of serverOptions()) {
    // Its output is always JSON.
    if (option.long !== '--json') {
      command.addOption(option)
    }
  }
  return command
    .addHelpText(
      'after',
      `
One line for each session, ended ones included, and one for each idempotency key: {"kind": "session", …},
{"kind": "idempotency_key", …}. Sealed private keys are never exported. Exit code 7: nothing is kept about the user.

Examples:
  $ sessiond export --user alice
  $ sessiond export --user alice --out alice.jsonl`,
    )
    .action((flags: ExportFlags) =>
      withAdmin(flags, async (admin) => {
        const userIds = readUserFlag(flags.user)
        await makeFile(flags.out ?? '/dev/stdout', async (write) => {
          let records = 0
          for (const userId of userIds) {
            for await (const json of exportUser(admin, userId)) {
              records++
              // An export may exceed memory: each write waits for the reader.
              await write(`${printableJson(json)}\n`)
            }
          }
          if (records === 0) {
            throw new NothingMatchedError(`nothing is kept about ${printable(flags.user)}`)
          }
        })
      }),
    )
}
