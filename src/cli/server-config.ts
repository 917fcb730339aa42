import { type Command, Option } from 'commander'
import { type Config, ConfigError, readConfig } from '../config/config.js'
import { type OptionName, SERVE_OPTIONS, variableOf } from '../config/serve-options.js'
import { readInputText } from '../files/input.js'

/** The options of `serve` that what is stored depends on. */
export const STORE_OPTIONS = [
  'data-dir',
  'idle-timeout',
  'max-session-age',
  'retention',
  'epoch-genesis',
  'epoch-length',
  'sealing-keys',
] as const satisfies OptionName[]

/** Options of a command that works on the data directory of a stopped server: as the server is started with. */
export const serverConfigOptions = (names: readonly OptionName[]) => [
  new Option('--config <FILE>', "the server's"),
  ...names.map((name) => {
    const { placeholder, help } = SERVE_OPTIONS[name]
    return new Option(`--${name} <${placeholder}>`, `${help} [${variableOf(name)}]`)
  }),
]

/** What these options, the variables and the --config file say. Throws ConfigError. */
export function readServerConfig(command: Command, names: readonly OptionName[]): Config {
  const given = command.opts<Record<string, string | boolean | undefined>>()
  const flags = names.flatMap((name) => {
    const option = command.options.find((candidate) => candidate.name() === name)
    const value = option && given[option.attributeName()]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  const { config } = given
  return readConfig({
    flags: Object.fromEntries(flags),
    env: process.env,
    ...(typeof config === 'string' && { file: readConfigText(config) }),
  })
}

/** The file that `--config` names. Throws ConfigError. */
export function readConfigText(name: string): { readonly name: string; readonly text: string } {
  try {
    return { name, text: readInputText(name) }
  } catch (error) {
    throw new ConfigError([`--config ${(error as Error).message}`])
  }
}
