import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { type Config, ConfigError, readConfig } from '../config.js'
import { importFile } from '../import.js'
import { type OptionName, SERVE_OPTIONS, variableOf } from '../serve-options.js'
import { progressOn } from './progress.js'

/** The options of `serve` that the store and its sessions depend on. */
const SERVER_OPTIONS = [
  'data-dir',
  'idle-timeout',
  'max-session-age',
  'retention',
  'max-data-bytes',
  'epoch-genesis',
  'epoch-length',
  'identity-key',
  'sealing-keys',
] as const satisfies OptionName[]

/** `sessiond import` */
export function importCommand(): Command {
  const command = new Command('import')
    .description(
      'Bring a JSON array of sessions, in the shape of either dialect, into the store of a stopped server.',
    )
    .argument('<FILE>', 'such as the file store of the older service wrote')
    .option('--config <FILE>', "the server's")
  for (const name of SERVER_OPTIONS) {
    const { placeholder, help } = SERVE_OPTIONS[name]
    command.addOption(new Option(`--${name} <${placeholder}>`, `${help} [${variableOf(name)}]`))
  }
  return command
    .option('--json', 'print JSON lines')
    .addHelpText(
      'after',
      `
Give the options, the variables and the --config file that the server is started with.

Sessions whose ids are in the store already are left as they are, so an import can be repeated.
Sessions past their deadline come in as ended; of several open ones of one user, address and client
the one opened last stays open. What is left out is reported with its line and the reason (with --json
as {"element", "line", "reason"}, a line each, before the last line with the counts), and the exit
code is then 1.

Examples:
  $ sessiond import sessions.json --data-dir /var/lib/sessiond
  $ sessiond import sessions.json --json | jq -r .reason`,
    )
    .action(importSessions)
}

interface ImportFlags extends Record<string, string | boolean | undefined> {
  readonly json?: boolean
}

async function importSessions(file: string, flags: ImportFlags, command: Command): Promise<void> {
  const progress = progressOn(process.stderr, file)
  const counts = await importFile(file, readServerConfig(command), {
    onLeftOut(leftOut) {
      const { line, element, reason } = leftOut
      progress.clear()
      if (flags.json) {
        console.log(JSON.stringify(leftOut))
      } else {
        console.error(`sessiond: ${file}, line ${line}: left out element ${element}: ${reason}`)
      }
    },
    onProgress: (part, { imported }) => progress.show(part, `${imported} imported`),
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

/** Throws ConfigError. */
function readServerConfig(command: Command): Config {
  const given = command.opts<ImportFlags>()
  const flags = SERVER_OPTIONS.flatMap((name) => {
    const option = command.options.find((candidate) => candidate.name() === name)
    const value = option && given[option.attributeName()]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  const { config } = given
  return readConfig({
    flags: Object.fromEntries(flags),
    env: process.env,
    ...(typeof config === 'string' && { file: { name: config, text: readText(config) } }),
  })
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`--config ${file}: ${(error as Error).message}`])
  }
}
