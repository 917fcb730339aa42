import { hex } from '@scure/base'
import { Command } from 'commander'
import { publicKeyFromText } from '../../client/index.js'
import { ConfigError } from '../../config/config.js'
import { timeMs } from '../../config/values.js'
import { sameBytes } from '../../core/bytes.js'
import { EpochClock } from '../../core/epoch.js'
import { readInput, readInputText } from '../../files/read.js'
import { checkToken } from '../../tokens/check.js'
import type { TokenProof } from '../../tokens/index.js'
import { type EpochFlags, epochOptions, parseFlag, readEpochFlags, withOptions } from '../flags.js'
import { jsonLine, printable } from '../output/printable.js'
import {
  readUseFlags,
  tokenBytesIn,
  tokenFacts,
  tokenLines,
  type UseFlags,
  useOptions,
} from './options.js'

interface CheckFlags extends UseFlags, EpochFlags {
  readonly at?: string
  readonly ownerKey?: string[]
  readonly proofOf?: string
  readonly proof?: string
  readonly json?: boolean
}

/** `sessiond token check` */
export function tokenCheckCommand(): Command {
  const command = new Command('check')
    .description('Check a session token and print what it allows, or why it is not good.')
    .argument('[TOKEN]', 'the token, as `token issue` prints it (default: standard input)')
  withOptions(command, [
    ...useOptions('what is to be done', 'the container of the object that it is to be done on'),
    ...epochOptions(),
  ])
  return command
    .option('--at <TIME>', 'as of this time (default: now)')
    .option(
      '--owner-key <KEY...>',
      'public keys that may sign for the owner (default: the one that the owner ID stands for)',
    )
    .option(
      '--proof-of <FILE>',
      'what the session key has signed, such as the request that carries the token',
    )
    .option('--proof <SIGNATURE>', "with --proof-of: the session key's signature, in hex")
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Without --verb, what the token is for is not checked. Without --proof, whoever has a copy of the token passes.
The exit code is 0 if the token is good, else 1. With --json: {"is_good": …, "token": …, "reason": …, "message": …}.

Examples:
  $ sessiond token check --verb get --container base58:… --object base58:… < get.token
  $ sessiond token check "$TOKEN" --json | jq -r .reason`,
    )
    .action(check)
}

async function check(argument: string | undefined, flags: CheckFlags): Promise<void> {
  const mistakes: string[] = []
  const { verb, object } = readUseFlags(flags, mistakes)
  const epochs = readEpochFlags(flags, mistakes)
  const { ownerKey } = flags
  const keys = ownerKey?.map((key) =>
    parseFlag('--owner-key', key, (text) => publicKeyFromText(text, '--owner-key'), mistakes),
  )
  const atMs = flags.at === undefined ? Date.now() : parseFlag('--at', flags.at, timeMs, mistakes)
  const proof = readProof(flags, mistakes)
  if (object !== undefined && verb === undefined) {
    mistakes.push('--container: only with --verb')
  }
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  const epoch = new EpochClock(epochs, () => atMs).now()
  const owners = (_: Uint8Array, signer: Uint8Array) =>
    keys?.some((key) => sameBytes(key, signer)) ?? false
  const bytes = tokenBytesIn(argument ?? readInputText('/dev/stdin'))
  const use = { verb: verb ?? 'any', object, epoch, proof } as const
  const verdict =
    'reason' in bytes ? bytes : checkToken(bytes, use, keys === undefined ? {} : { owners })
  if (flags.json) {
    console.log(
      jsonLine(verdict.isGood ? { isGood: true, token: tokenFacts(verdict.token) } : verdict),
    )
  } else if (verdict.isGood) {
    console.log(tokenLines(verdict.token, epochs))
  } else {
    console.error(
      `sessiond: the token is not good: ${verdict.reason}: ${printable(verdict.message)}`,
    )
  }
  process.exitCode = verdict.isGood ? 0 : 1
}

/** The proof that is given. Adds mistakes to the list. */
function readProof({ proofOf, proof }: CheckFlags, mistakes: string[]): TokenProof | 'not-asked' {
  if ((proofOf === undefined) !== (proof === undefined)) {
    mistakes.push('--proof-of: give it together with --proof')
  }
  if (proofOf === undefined || proof === undefined) {
    return 'not-asked'
  }
  const signature = parseFlag('--proof', proof, signatureOf, mistakes)
  return { content: readInput(proofOf), signature }
}

function signatureOf(text: string): Uint8Array {
  try {
    return hex.decode(text)
  } catch {
    throw new Error('is not a signature in hex')
  }
}
