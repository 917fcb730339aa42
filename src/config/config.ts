import { join } from 'node:path'
import { SessiondError } from '../core/errors.js'
import { maxDataBytesIn } from '../stores/index.js'
import { type Option, variableOf } from './option.js'
import { type Config, SERVE_OPTIONS } from './serve-options.js'
import { nearest } from './suggestion.js'
import { unprotected } from './unprotected.js'
import { yesOrNo } from './values.js'

/** All mistakes of a configuration, each with the name of its option. */
export class ConfigError extends SessiondError {
  readonly code = 'INVALID_CONFIG'

  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'))
  }
}

export interface ConfigSources {
  /** By option name, as given on the command line. */
  readonly flags: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** The `--config` file: its name and text. */
  readonly file?: { readonly name: string; readonly text: string }
}

/** The options read so far, without those that are mistaken. */
type PartialConfig = { -readonly [K in keyof Config]?: Config[K] }

const OPTIONS: { readonly [K in keyof Config]: Option<Config[K]> } = SERVE_OPTIONS
const OPTIONS_BY_NAME: ReadonlyMap<string, Option<unknown>> = new Map(
  Object.values(SERVE_OPTIONS).map((option) => [option.name, option]),
)

/** Throws ConfigError. */
export function readConfig({ flags, env, file }: ConfigSources): Config {
  const mistakes: string[] = []
  const fromFile = file === undefined ? {} : readConfigFile(file.name, file.text, mistakes)
  const unknown = Object.keys(flags).filter((name) => !OPTIONS_BY_NAME.has(name))
  mistakes.push(...unknown.map((name) => `--${name}: ${noSuchOption(name, '--')}`))

  const given = (name: string): readonly [source: string, text: string] | null => {
    const variable = variableOf(name)
    const candidates = [
      [`--${name}`, flags[name]],
      [`${variable} (--${name})`, env[variable]],
      [`${file?.name}: ${name}`, fromFile[name]],
    ] as const
    for (const [source, text] of candidates) {
      if (text !== undefined) {
        return [source, text]
      }
    }
    return null
  }
  const config: PartialConfig = {}
  const read = <K extends keyof Config>(key: K) => {
    const option = OPTIONS[key]
    const [source, text] = given(option.name) ?? ['', null]
    try {
      config[key] = readOption(option, text, config.dataDir)
    } catch (error) {
      mistakes.push(`${source}: ${(error as Error).message}`)
    }
  }
  // The data directory comes first: it holds the default files of other options.
  keysOf(OPTIONS).forEach(read)
  mistakes.push(...incomplete(config))
  if (mistakes.length === 0 && isWhole(config)) {
    mistakes.push(...unprotected(config), ...tooLarge(config))
    if (mistakes.length === 0) {
      return config
    }
  }
  throw new ConfigError(mistakes)
}

/** The value of an option. `given` is null where no source sets it. */
function readOption<T>(option: Option<T>, given: string | null, dataDir = ''): T {
  if (given !== null) {
    return option.parse(given)
  }
  if ('unset' in option) {
    return option.unset
  }
  const { default: fallback } = option
  return option.parse(typeof fallback === 'string' ? fallback : join(dataDir, fallback.inDataDir))
}

function keysOf<T extends object>(table: T): Extract<keyof T, string>[] {
  const keys: Extract<keyof T, string>[] = []
  for (const key in table) {
    keys.push(key)
  }
  return keys
}

function isWhole(config: PartialConfig): config is Config {
  return keysOf(OPTIONS).every((key) => config[key] !== undefined)
}

/** Options of TLS that are useless without others. */
function incomplete(config: PartialConfig): string[] {
  const { tlsCert, tlsKey, tlsClientCa, storeTlsCert, storeTlsKey } = config
  const mistakes: string[] = []
  if ((tlsCert === null) !== (tlsKey === null)) {
    mistakes.push('--tls-cert and --tls-key: give both or neither')
  } else if (tlsClientCa !== null && tlsCert === null) {
    mistakes.push('--tls-client-ca: needs --tls-cert and --tls-key')
  }
  if ((storeTlsCert === null) !== (storeTlsKey === null)) {
    mistakes.push('--store-tls-cert and --store-tls-key: give both or neither')
  }
  return mistakes
}

function tooLarge({ store, maxDataBytes }: Config): string[] {
  const most = maxDataBytesIn(store)
  return maxDataBytes > most
    ? [`--max-data-bytes: at most ${most} with --store ${store.kind}:…`]
    : []
}

/** The options of a `--config` file, by name, as the command line would give them. */
function readConfigFile(name: string, text: string, mistakes: string[]): Record<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    mistakes.push(`--config ${name}: not JSON${lineOf(error, text)}`)
    return {}
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    mistakes.push(`--config ${name}: must hold one JSON object of option names and values`)
    return {}
  }
  const values: Record<string, string> = {}
  for (const [key, value] of Object.entries(parsed)) {
    const option = OPTIONS_BY_NAME.get(key)
    if (option === undefined) {
      mistakes.push(`${name}: ${key}: ${noSuchOption(key)}`)
    } else if (isTexts(value) && option.isList) {
      values[key] = value.join(',')
    } else if (typeof value === 'boolean' && option.parse === yesOrNo) {
      values[key] = value ? 'yes' : 'no'
    } else if (typeof value !== 'string' && typeof value !== 'number') {
      mistakes.push(`${name}: ${key}: must be a string or a number`)
    } else {
      values[key] = String(value)
    }
  }
  return values
}

function noSuchOption(name: string, prefix = ''): string {
  const meant = nearest(name, OPTIONS_BY_NAME.keys())
  return `there is no such option${meant === undefined ? '' : ` (did you mean ${prefix}${meant}?)`}`
}

/** Where a text is not JSON, if that is known. Quotes nothing: by mistake the file may be a key. */
function lineOf(error: unknown, text: string): string {
  const [, position] = /at position (\d+)/.exec((error as Error).message) ?? []
  return position === undefined
    ? ''
    : `, at line ${text.slice(0, Number(position)).split('\n').length}`
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
