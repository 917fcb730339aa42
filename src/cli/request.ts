import { randomUUID } from 'node:crypto'
import { Command, Option } from 'commander'
import { prepareRequest, requestToJson } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { durationMs, timeMs } from '../config/values.js'
import { ownerFromText } from '../core/create/owner.js'
import { parseFlag, readPrivateKey, withOptions } from './flags.js'

/** `sessiond request` */
export function requestCommand(): Command {
  const command = new Command('request').description(
    'Print a signed session.CreateRequest as proto JSON, for grpcurl and the like.',
  )
  return withOptions(command, requestOptions())
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond request --key owner.key --lifetime 1h \\
      | grpcurl -plaintext -d @ 127.0.0.1:8090 session.Session/Create`,
    )
    .action(async (flags: RequestFlags) => {
      const { request, issueTimeMs, epochs } = await readRequestFlags(flags)
      const idempotencyKey = flags.idempotencyKey ?? randomUUID()
      const { bytes } = prepareRequest({ ...request, idempotencyKey }, epochs, issueTimeMs)
      console.log(JSON.stringify(requestToJson(bytes), null, 2))
    })
}

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
