import { Option } from 'commander'
import {
  type ConnectOptions,
  type PrivateKey,
  privateKeyFromPem,
  publicKeyFromText,
} from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { durationMs, timeMs } from '../config/values.js'
import { ownerFromText } from '../core/create/owner.js'
import { InputFileError } from '../core/errors.js'
import { readSecretFile } from '../keys/key-files.js'

/** The options of every command that signs a request. */
export const requestOptions = () => [
  new Option(
    '--key <FILE>',
    "the owner's private key: PEM, OpenSSH's format or a JSON Web Key",
  ).default('owner.key'),
  new Option('--lifetime <DURATION>', 'how long the session lasts').default('1h'),
  new Option('--owner <ID>', 'another owner that the key may speak for: hex:…, base58:… or text'),
  new Option('--client <NAME>', "a name for the session's record"),
  new Option(
    '--idempotency-key <KEY>',
    'a name for the request: with the same --issued-at it asks for the same session (default: a new one)',
  ),
  new Option(
    '--issued-at <TIME>',
    'when the session begins: ISO 8601, or Unix seconds or milliseconds (default: now)',
  ),
  new Option('--epoch-genesis <TIME>', "the server's").default('0'),
  new Option('--epoch-length <DURATION>', "the server's").default('1s'),
]

export interface RequestFlags {
  readonly key: string
  readonly lifetime: string
  readonly owner?: string
  readonly client?: string
  readonly idempotencyKey?: string
  readonly issuedAt?: string
  readonly epochGenesis: string
  readonly epochLength: string
}

/**
 * What `requestOptions` were given. Throws ConfigError with all mistakes at once, those in other options that
 * were found before among them, and InputFileError.
 */
export async function readRequestFlags(flags: RequestFlags, mistakes: string[] = []) {
  const { owner: ownerText } = flags
  const owner =
    ownerText === undefined
      ? undefined
      : parseFlag('--owner', ownerText, (text) => ownerFromText(text, '--owner'), mistakes)
  const parsed = {
    lifetimeMs: parseFlag('--lifetime', flags.lifetime, durationMs, mistakes),
    genesisMs: parseFlag('--epoch-genesis', flags.epochGenesis, timeMs, mistakes),
    lengthMs: parseFlag('--epoch-length', flags.epochLength, durationMs, mistakes),
    issueTimeMs:
      flags.issuedAt === undefined
        ? Date.now()
        : parseFlag('--issued-at', flags.issuedAt, timeMs, mistakes),
  }
  if (parsed.genesisMs > parsed.issueTimeMs) {
    mistakes.push('--epoch-genesis: the request would be older than the first epoch')
  }
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  return {
    request: {
      ownerKey: await readPrivateKey(flags.key, '`sessiond keygen` makes a key'),
      lifetimeMs: parsed.lifetimeMs,
      ...(owner !== undefined && { owner }),
      ...(flags.client !== undefined && { clientName: flags.client }),
      ...(flags.idempotencyKey !== undefined && { idempotencyKey: flags.idempotencyKey }),
    },
    issueTimeMs: parsed.issueTimeMs,
    epochs: { genesisMs: parsed.genesisMs, lengthMs: parsed.lengthMs },
  }
}

/** The value of one flag; a mistake is added to the list, and the value is then of no use. */
export function parseFlag<T>(
  flag: string,
  text: string,
  parse: (text: string) => T,
  mistakes: string[],
): T {
  try {
    return parse(text)
  } catch (error) {
    const { message } = error as Error
    // Who reads texts of files as well is told what to call this one, and does.
    mistakes.push(error instanceof InputFileError ? message : `${flag}: ${message}`)
    return undefined as T
  }
}

/** What `--server-key` was given; 'any' where it was not. A mistake is added to the list. */
export function parseServerKeys(
  keys: readonly string[] | undefined,
  mistakes: string[],
): ConnectOptions['serverKeys'] {
  const flag = '--server-key'
  const parse = (text: string) => publicKeyFromText(text, flag)
  return keys?.map((key) => parseFlag(flag, key, parse, mistakes)) ?? 'any'
}

/** Reads a key that must be there; `advice` says how to come by one. Throws InputFileError. */
export async function readPrivateKey(file: string, advice: string): Promise<PrivateKey> {
  const pem = await readSecretFile(file)
  if (pem === null) {
    throw new InputFileError(file, `is not there: ${advice}`)
  }
  return privateKeyFromPem(pem, file)
}
