import { randomUUID } from 'node:crypto'
import { Command, Option } from 'commander'
import { prepareRequest, requestToJson } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { durationMs, timeMs } from '../config/values.js'
import { ownerFromText } from '../core/owner-text.js'
import {
  type EpochFlags,
  epochOptions,
  ownerKeyOption,
  parseFlag,
  readEpochFlags,
  readPrivateKey,
  withOptions,
} from './flags.js'

/** `sessiond request` */
export function requestCommand(): Command {
  const command = new Command('request').description(
    'Print a signed session.CreateRequest as proto JSON, for tools such as grpcurl.',
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
  ownerKeyOption(),
  new Option('--lifetime <DURATION>', 'how long the session is valid').default('1h'),
  new Option('--owner <ID>', 'owner ID, if not the one of the key: hex:…, base58:… or plain text'),
  new Option('--client <NAME>', 'client name to record with the session'),
  new Option(
    '--idempotency-key <KEY>',
    'the same key with the same --issued-at returns the same session (default: a random key)',
  ),
  new Option(
    '--issued-at <TIME>',
    'when the session begins: ISO 8601, or Unix seconds or milliseconds (default: now)',
  ),
  ...epochOptions(),
]

export interface RequestFlags extends EpochFlags {
  readonly key: string
  readonly lifetime: string
  readonly owner?: string
  readonly client?: string
  readonly idempotencyKey?: string
  readonly issuedAt?: string
}

/**
 * Reads the values of `requestOptions`. Throws InputFileError, and ConfigError with all mistakes at once: its own, and
 * those that the caller found in other options.
 */
export async function readRequestFlags(flags: RequestFlags, mistakes: string[] = []) {
  const { owner: ownerText } = flags
  const owner =
    ownerText === undefined
      ? undefined
      : parseFlag('--owner', ownerText, (text) => ownerFromText(text, '--owner'), mistakes)
  const parsed = {
    lifetimeMs: parseFlag('--lifetime', flags.lifetime, durationMs, mistakes),
    epochs: readEpochFlags(flags, mistakes),
    issueTimeMs:
      flags.issuedAt === undefined
        ? Date.now()
        : parseFlag('--issued-at', flags.issuedAt, timeMs, mistakes),
  }
  if (parsed.epochs.genesisAtMs > parsed.issueTimeMs) {
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
    epochs: parsed.epochs,
  }
}
