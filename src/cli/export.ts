import { Command } from 'commander'
import { exportUser } from '../client/index.js'
import { makeFile } from '../files/write.js'
import { printableJson } from './printable.js'
import { type ServerFlags, serverOptions, withAdmin } from './server-connection.js'

interface ExportFlags extends Omit<ServerFlags, 'json'> {
  readonly user: string
  readonly out?: string
}

/** `sessiond export` */
export function exportCommand(): Command {
  const command = new Command('export')
    .description('Export everything that a running server keeps about a user, as JSON lines.')
    .requiredOption('--user <ID>', 'user ID (of an owner: its ID in base58); required')
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
{"kind": "idempotency_key", …}. Sealed private keys are never exported.

Examples:
  $ sessiond export --user alice
  $ sessiond export --user alice --out alice.jsonl`,
    )
    .action((flags: ExportFlags) =>
      withAdmin(flags, async (admin, signal) => {
        const lines = withLineEnds(exportUser(admin, flags.user, signal))
        // An export may exceed memory: each write waits for the reader.
        await makeFile(flags.out ?? '/dev/stdout', async (write) => {
          for await (const line of lines) {
            await write(line)
          }
        })
      }),
    )
}

async function* withLineEnds(lines: AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const line of lines) {
    yield `${printableJson(line)}\n`
  }
}
