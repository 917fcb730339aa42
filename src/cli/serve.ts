import { Command, Option } from 'commander'
import { ConfigError, readConfig } from '../config/config.js'
import { defaultText, type Option as ServeOption, variableOf } from '../config/option.js'
import { OPTION_GROUPS } from '../config/serve-options.js'
import { openLog } from './output/server-log.js'
import { readConfigText } from './server-config.js'
import { serveUntilSignal } from './signals.js'

/** `sessiond serve` */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Run the server until SIGTERM or SIGINT.')
    .option('--config <FILE>', 'JSON file with options by name: {"max-lifetime": "12h"}')
    // The description says it all; commander would add its "preset".
    .configureHelp({ optionDescription: ({ description }) => description })
    // Unknown options are reported together with all other mistakes.
    .allowUnknownOption()
    .allowExcessArguments()
  for (const [group, options] of Object.entries(OPTION_GROUPS)) {
    for (const option of Object.values<ServeOption<unknown>>(options)) {
      command.addOption(flagOf(option).helpGroup(`${group}:`))
    }
  }
  return command
    .addHelpText(
      'after',
      `
Each option can also be set by the environment variable in brackets, or in the --config file. The command line wins
over the variable, and the variable over the file.

Examples:
  $ sessiond serve
  $ sessiond serve --data-dir /var/lib/sessiond --grpc 0.0.0.0:8090 --tls-cert tls.crt --tls-key tls.key
  $ sessiond serve --seneca tcp://127.0.0.1:8807 --seneca http://127.0.0.1:8809
  $ SESSIOND_OWNERS=owners.json sessiond serve --config sessiond.json`,
    )
    .action(serve)
}

function flagOf(serveOption: ServeOption<unknown>): Option {
  const { name, placeholder, help, bare, isList, parse } = serveOption
  const fallback = defaultText(serveOption)
  const flag = new Option(
    bare === undefined ? `--${name} <${placeholder}>` : `--${name} [${placeholder}]`,
    [
      help,
      ...(bare === undefined ? [] : [`(without a value: ${bare})`]),
      ...(fallback === undefined ? [] : [`(default: ${fallback})`]),
      `[${variableOf(name)}]`,
    ].join(' '),
  )
  if (bare !== undefined) {
    flag.preset(bare)
  }
  if (parse.choices !== undefined) {
    // For completion alone: a wrong value is told together with all other mistakes.
    flag.argChoices = [...parse.choices]
  }
  if (isList) {
    flag.argParser((value: string, earlier?: string) => [earlier, value].filter(Boolean).join(','))
  }
  return flag
}

async function serve(_: unknown, command: Command): Promise<void> {
  const { config: configFile, ...given } = command.opts<Record<string, string>>()
  const flags = Object.fromEntries(
    command.options.flatMap((option) => {
      const value = given[option.attributeName()]
      return value === undefined || option.name() === 'config' ? [] : [[option.name(), value]]
    }),
  )
  for (const [i, arg] of command.args.entries()) {
    if (arg.startsWith('-')) {
      flags[arg.replace(/^-+/, '').replace(/=.*/s, '')] = ''
    } else if (!/^-[^=]*$/.test(command.args[i - 1] ?? '')) {
      throw new ConfigError([`${arg}: serve takes options only`])
    }
  }
  const config = readConfig({
    flags,
    env: process.env,
    ...(configFile !== undefined && { file: readConfigText(configFile) }),
  })
  const log = openLog(config)
  // Half of what the program loads, which no other command needs.
  const { startNode } = await import('../server/start.js')
  await serveUntilSignal({
    start: (stop) => startNode(config, log, stop),
    onStarted: ({ addresses }) =>
      log.info({ event: 'ready', ...addresses, dataDir: config.dataDir }, 'accepting calls'),
    closeMs: config.drainDelayMs + config.graceMs,
    log,
  })
}
