import { join } from 'node:path'
import { SessiondError } from '../core/errors.js'
import type { GrpcLimits } from '../grpc/transport/limits.js'
import type { Address, TcpAddress } from '../net/address.js'
import { type Option, type OptionName, SERVE_OPTIONS, variableOf } from './serve-options.js'
import { unprotected } from './unprotected.js'
import { type SenecaAddress, yesOrNo } from './values.js'

type Value<N extends OptionName> = ReturnType<(typeof SERVE_OPTIONS)[N]['parse']>

/** What TLS is served with, PEM. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** null: client certificates are not asked for. */
  readonly clientCa: string | null
}

export interface Config extends GrpcLimits {
  readonly dataDir: string
  readonly store: Value<'store'>
  readonly grpc: Address
  /** Of the Unix socket, where gRPC listens on one. */
  readonly grpcSocketMode: number
  readonly seneca: readonly SenecaAddress[]
  /** null: off. */
  readonly http: TcpAddress | null
  /** null: none. */
  readonly tls: TlsFiles | null
  readonly plaintext: boolean
  /** null: none. */
  readonly adminTokenFile: string | null
  readonly insecureCommands: boolean
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
  readonly acceptDamage: boolean
  readonly auditLog: string
  readonly graceMs: number
  /** 0 is none. */
  readonly drainDelayMs: number
  /** 0 is none, Infinity forever. */
  readonly waitForLockMs: number
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
  const cert = value('tls-cert')
  const key = value('tls-key')
  const clientCa = value('tls-client-ca') ?? null
  if ((cert === undefined) !== (key === undefined)) {
    mistakes.push('--tls-cert and --tls-key: give both or neither')
  } else if (clientCa !== null && cert === undefined) {
    mistakes.push('--tls-client-ca: needs --tls-cert and --tls-key')
  }
  const config = {
    dataDir,
    store: value('store'),
    grpc: value('grpc'),
    grpcSocketMode: value('grpc-socket-mode'),
    seneca: value('seneca'),
    http: value('http'),
    tls: cert !== undefined && key !== undefined ? { cert, key, clientCa } : null,
    plaintext: value('plaintext'),
    adminTokenFile: value('admin-token-file') ?? null,
    insecureCommands: value('insecure-commands'),
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
    acceptDamage: value('accept-damage'),
    auditLog: value('audit-log') ?? join(dataDir, 'audit.jsonl'),
    maxMessageBytes: value('max-message-bytes'),
    maxStreams: value('max-streams'),
    maxConnections: value('max-connections'),
    maxConnectionIdleMs: value('max-connection-idle'),
    maxConnectionAgeMs: value('max-connection-age'),
    maxConnectionAgeGraceMs: value('max-connection-age-grace'),
    headerTimeoutMs: value('header-timeout'),
    peerCallsPerSecond: value('peer-calls-per-second'),
    peerFailuresPerSecond: value('peer-failures-per-second'),
    graceMs: value('grace'),
    drainDelayMs: value('drain-delay'),
    waitForLockMs: value('wait-for-lock'),
    logLevel: value('log-level'),
  }
  if (mistakes.length === 0) {
    mistakes.push(...unprotected(config as Config))
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
    } else if (typeof value === 'boolean' && SERVE_OPTIONS[key as OptionName].parse === yesOrNo) {
      values[key] = value ? 'yes' : 'no'
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
