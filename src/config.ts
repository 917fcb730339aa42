import { join } from 'node:path'
import type { ListenAddress, SenecaAddress } from './config-values.js'
import { SessiondError } from './core/errors.js'
import { isLoopback } from './loopback.js'
import { type Option, type OptionName, SERVE_OPTIONS, variableOf } from './serve-options.js'

type Value<N extends OptionName> = ReturnType<(typeof SERVE_OPTIONS)[N]['parse']>

export interface Config {
  readonly dataDir: string
  readonly store: Value<'store'>
  readonly grpc: ListenAddress
  readonly seneca: readonly SenecaAddress[]
  /** null: off. */
  readonly http: ListenAddress | null
  readonly feedMaxSessions: number
  /** null: none is asked for. */
  readonly feedToken: string | null
  readonly feedPublic: boolean
  readonly owners: string
  readonly maxLifetimeMs: number
  readonly maxEpochDriftMs: number
  readonly maxSessionsPerOwner: number
  readonly maxSessions: number
  /** 0 is none. */
  readonly idleTimeoutMs: number
  /** 0 is none. */
  readonly maxSessionAgeMs: number
  readonly retentionMs: number
  readonly maxDataBytes: number
  readonly epochGenesisMs: number
  readonly epochLengthMs: number
  readonly identityKey: string
  readonly sealingKeys: string
  readonly logLevel: Value<'log-level'>
}

/** Every mistake of a configuration at once, each with its option's name. */
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

/** Throws ConfigError. */
export function readConfig({ flags, env, file }: ConfigSources): Config {
  const mistakes: string[] = []
  const fromFile = file === undefined ? {} : readConfigFile(file.name, file.text, mistakes)
  const unknown = Object.keys(flags).filter((name) => !Object.hasOwn(SERVE_OPTIONS, name))
  mistakes.push(...unknown.map((name) => `--${name}: there is no such option`))

  const value = <N extends OptionName>(name: N): Value<N> | undefined => {
    const { parse, default: fallback }: Option<unknown> = SERVE_OPTIONS[name]
    const variable = variableOf(name)
    const [source, given] =
      flags[name] !== undefined
        ? [`--${name}`, flags[name]]
        : env[variable] !== undefined
          ? [`${variable} (--${name})`, env[variable]]
          : fromFile[name] !== undefined
            ? [`${file?.name}: ${name}`, fromFile[name]]
            : ['', fallback]
    try {
      return given === undefined ? undefined : (parse(given) as Value<N>)
    } catch (error) {
      mistakes.push(`${source}: ${(error as Error).message}`)
      return undefined
    }
  }

  const dataDir = value('data-dir') ?? ''
  const config = {
    dataDir,
    store: value('store'),
    grpc: value('grpc'),
    seneca: value('seneca'),
    http: value('http'),
    feedMaxSessions: value('feed-max-sessions'),
    feedToken: value('feed-token') ?? null,
    feedPublic: value('feed-public'),
    owners: value('owners'),
    maxLifetimeMs: value('max-lifetime'),
    maxEpochDriftMs: value('max-epoch-drift'),
    maxSessionsPerOwner: value('max-sessions-per-owner'),
    maxSessions: value('max-sessions'),
    idleTimeoutMs: value('idle-timeout'),
    maxSessionAgeMs: value('max-session-age'),
    retentionMs: value('retention'),
    maxDataBytes: value('max-data-bytes'),
    epochGenesisMs: value('epoch-genesis'),
    epochLengthMs: value('epoch-length'),
    identityKey: value('identity-key') ?? join(dataDir, 'identity.pem'),
    sealingKeys: value('sealing-keys') ?? join(dataDir, 'sealing-keys.json'),
    logLevel: value('log-level'),
  }
  const { http, feedToken, feedPublic } = config
  if (http && !isLoopback(http.host) && feedToken === null && feedPublic === false) {
    mistakes.push(
      `--http: ${http.host} is no loopback address, and the session list shows session ids: ` +
        'let viewers show a token with --feed-token FILE, or let anyone watch with --feed-public yes',
    )
  }
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return config as Config
}

function readConfigFile(name: string, text: string, mistakes: string[]): Record<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    mistakes.push(`--config ${name}: not JSON: ${(error as Error).message}`)
    return {}
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    mistakes.push(`--config ${name}: must hold one JSON object of option names and values`)
    return {}
  }
  const values: Record<string, string> = {}
  for (const [key, value] of Object.entries(parsed)) {
    if (!Object.hasOwn(SERVE_OPTIONS, key)) {
      mistakes.push(`${name}: ${key}: there is no such option`)
    } else if (isTexts(value) && 'isList' in SERVE_OPTIONS[key as OptionName]) {
      values[key] = value.join(',')
    } else if (typeof value !== 'string' && typeof value !== 'number') {
      mistakes.push(`${name}: ${key}: must be a text or a number`)
    } else {
      values[key] = String(value)
    }
  }
  return values
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
