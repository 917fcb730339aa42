import { type Command, Option } from 'commander'
import { ConfigError, readConfig } from '../config/config.js'
import { variableOf } from '../config/option.js'
import { type Config, SERVE_OPTIONS } from '../config/serve-options.js'
import { readInputText } from '../files/read.js'

/** The options of `serve` that tell how an engine is reached. */
export const ENGINE_OPTIONS = [
  'storeReplicas',
  'storeTimeoutMs',
  'storePasswordFile',
  'storeCa',
  'storeTlsCert',
  'storeTlsKey',
  'storeNat',
] as const satisfies (keyof Config)[]

/** The options of `serve` that decide what is stored. */
export const STORE_OPTIONS = [
  'dataDir',
  'store',
  ...ENGINE_OPTIONS,
  'idleTimeoutMs',
  'maxSessionAgeMs',
  'retentionMs',
  'epochGenesisAtMs',
  'epochLengthMs',
  'sealingKeys',
] as const satisfies (keyof Config)[]

/** The options of a command that works on the data directory of a stopped server: those of `serve`. */
export const serverConfigOptions = (keys: readonly (keyof Config)[]) => [
  new Option('--config <FILE>', "the server's --config file"),
  ...keys.map((key) => {
    const { name, placeholder, help } = SERVE_OPTIONS[key]
    // Of these commands only the server makes the directory.
    const meaning = key === 'dataDir' ? 'data directory of the server' : help
    return new Option(`--${name} <${placeholder}>`, `${meaning} [${variableOf(name)}]`)
  }),
]

/** Reads these options from the command line, the variables and the --config file. Throws ConfigError. */
export function readServerConfig(command: Command, keys: readonly (keyof Config)[]): Config {
  const given = command.opts<Record<string, string | boolean | undefined>>()
  const flags = keys.flatMap((key) => {
    const { name } = SERVE_OPTIONS[key]
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

/** Reads the file of `--config`. Throws ConfigError. */
export function readConfigText(name: string): { readonly name: string; readonly text: string } {
  try {
    return { name, text: readInputText(name) }
  } catch (error) {
    throw new ConfigError([`--config ${(error as Error).message}`])
  }
}
