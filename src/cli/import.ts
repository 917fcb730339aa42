import { Command } from 'commander'
import { importFile } from '../offline/import.js'
import { withOptions } from './flags.js'
import { jsonLine, printable } from './printable.js'
import { progressOn } from './progress.js'
import { readServerConfig, STORE_OPTIONS, serverConfigOptions } from './server-config.js'

const SERVER_OPTIONS = [...STORE_OPTIONS, 'maxDataBytes', 'identityKey'] as const

/** `sessiond import` */
export function importCommand(): Command {
  const command = new Command('import')
    .description(
      'Bring what the earlier services kept, in a file or in MongoDB, into the store of a stopped server.',
    )
    .argument('[FILE]', 'a JSON array or documents, one a line; - is standard input')
    .option('--from <FILE>', 'the same, by name')
  return withOptions(command, serverConfigOptions(SERVER_OPTIONS))
    .option('--json', 'print JSON lines')
    .addHelpText(
      'after',
      `
Give the options, the variables and the --config file that the server is started with.

The file holds sessions in the shape of either dialect or, as the oldest service kept them, users with
their sessions: as an array, or as mongoexport writes them, in any of its formats. Sessions whose ids are
in the store already are left as they are, so an import can be repeated. Sessions past their deadline
come in as ended. What is left out is reported with its line and the reason (with --json as {"element",
"line", "reason"}, a line each, before the last line with the counts), and the exit code is then 1.

The file may be a pipe, such as /dev/stdin. Times are ISO 8601, Unix seconds or Unix milliseconds; numbers in
user and data keep their digits.

Examples:
  $ sessiond import sessions.json --data-dir /var/lib/sessiond
  $ sessiond import sessions.json --json | jq -r .reason
  $ mongoexport -d app -c sessions | sessiond import --from - --data-dir /var/lib/sessiond`,
    )
    .action(importSessions)
}

interface ImportFlags extends Record<string, string | boolean | undefined> {
  readonly from?: string
  readonly json?: boolean
}

async function importSessions(
  argument: string | undefined,
  flags: ImportFlags,
  command: Command,
): Promise<void> {
  const file = fileOf(argument, flags.from, command)
  const progress = progressOn(process.stderr, file)
  const counts = await importFile(file, readServerConfig(command, SERVER_OPTIONS), {
    onLeftOut(leftOut) {
      const { line, element, reason } = leftOut
      progress.clear()
      if (flags.json) {
        console.log(jsonLine(leftOut))
      } else {
        console.error(
          `sessiond: ${file}, line ${line}: left out element ${element}: ${printable(reason)}`,
        )
      }
    },
    onProgress: ({ part }, { imported }) => progress.show(part, `${imported} imported`),
  }).finally(progress.clear)
  const { imported, ended, existing, leftOut } = counts
  console.log(
    flags.json
      ? JSON.stringify(counts)
      : `imported ${imported} (${ended} as ended), ${existing} were there already, left out ${leftOut}`,
  )
  if (leftOut > 0) {
    process.exitCode = 1
  }
}

/** Given once, in either way. */
function fileOf(argument: string | undefined, from: string | undefined, command: Command): string {
  const file = argument ?? from
  if (file === undefined || (argument !== undefined && from !== undefined)) {
    command.error('error: give one FILE, as an argument or with --from')
  }
  return file === '-' ? '/dev/stdin' : file
}
