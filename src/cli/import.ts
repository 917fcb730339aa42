import { Command } from 'commander'
import { importFile } from '../offline/import.js'
import { withOptions } from './flags.js'
import { jsonLine, printable } from './output/printable.js'
import { progressOn } from './output/progress.js'
import { readServerConfig, STORE_OPTIONS, serverConfigOptions } from './server-config.js'

const SERVER_OPTIONS = [...STORE_OPTIONS, 'maxDataBytes', 'identityKey'] as const

/** `sessiond import` */
export function importCommand(): Command {
  const command = new Command('import')
    .description('Import sessions of earlier services into the store of a stopped server.')
    .argument('[FILE]', 'JSON array, or one JSON document a line (- is standard input)')
    .option('--from <FILE>', 'same as FILE')
  return withOptions(command, serverConfigOptions(SERVER_OPTIONS))
    .option('--json', 'print JSON lines')
    .addHelpText(
      'after',
      `
Use the same options, variables and --config file as the server.

The file holds sessions in either dialect, or users with their sessions as the oldest service kept them. It is a JSON
array, or the output of mongoexport in any of its formats. It can be a pipe, such as /dev/stdin. Times are ISO 8601, Unix
seconds or Unix milliseconds. Numbers in user and data keep all their digits.

Sessions whose IDs are stored already stay as they are, so an import can be repeated. Sessions past their deadline
are imported as ended. Each element that is left out is reported with its line and the reason, and the exit code is
then 1. With --json: a line {"element", "line", "reason"} for each, then one line with the counts.

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
      ? jsonLine(counts)
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
