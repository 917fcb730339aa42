import { Command } from 'commander'
import { ownerIdOf, signerOf } from '../../client/index.js'
import { ConfigError } from '../../config/config.js'
import { durationMs } from '../../config/values.js'
import { sameBytes } from '../../core/bytes.js'
import { EpochClock } from '../../core/epoch.js'
import { ownerText } from '../../core/owner-text.js'
import { epochNow, issueToken, tokenToText } from '../../tokens/index.js'
import {
  type EpochFlags,
  epochOptions,
  ownerKeyOption,
  parseFlag,
  readEpochFlags,
  readPrivateKey,
  withOptions,
} from '../flags.js'
import { jsonLine } from '../output/printable.js'
import { instantOrNull } from '../output/session-text.js'
import { readUseFlags, type UseFlags, useOptions } from './options.js'
import { readSession } from './session.js'

interface IssueFlags extends UseFlags, EpochFlags {
  readonly session: string
  readonly key: string
  readonly verb: string
  readonly lifetime?: string
  readonly json?: boolean
}

/** `sessiond token issue` */
export function tokenIssueCommand(): Command {
  const command = new Command('issue')
    .description("Sign a session token with the owner's key and print it in base64url.")
    .option('--session <FILE>', 'what `sessiond create --json` printed; - is standard input', '-')
    .addOption(ownerKeyOption())
  const options = useOptions(
    'the one thing that the token allows',
    'allow it on the objects of one container only',
  )
  withOptions(command, [
    (options[0] as (typeof options)[0]).makeOptionMandatory(),
    ...options.slice(1),
    ...epochOptions(),
  ])
  return command
    .option(
      '--lifetime <DURATION>',
      'how long the token is valid (default: as long as its session)',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond create --key owner.key --json > session.json
  $ sessiond token issue --session session.json --key owner.key --verb put --lifetime 5m
  $ sessiond token issue --session session.json --key owner.key --verb get --container base58:… --object base58:…`,
    )
    .action(issue)
}

async function issue(flags: IssueFlags): Promise<void> {
  const mistakes: string[] = []
  const { verb, object } = readUseFlags(flags, mistakes)
  const epochs = readEpochFlags(flags, mistakes)
  const lifetimeMs =
    flags.lifetime === undefined
      ? undefined
      : parseFlag('--lifetime', flags.lifetime, durationMs, mistakes)
  if (mistakes.length > 0 || verb === undefined) {
    throw new ConfigError(mistakes)
  }
  const session = readSession(flags.session)
  const ownerKey = await readPrivateKey(flags.key, '`sessiond keygen` makes a key')
  const exp =
    lifetimeMs === undefined
      ? session.lifetime.exp
      : epochNow(epochs) + BigInt(Math.ceil(lifetimeMs / epochs.lengthMs))
  if (exp > session.lifetime.exp) {
    const end = instantOrNull(new EpochClock(epochs, Date.now).endsAtMs(session.lifetime.exp))
    throw new ConfigError([
      `--lifetime: the session ends before, at ${end}: leave it out, or ask for less`,
    ])
  }
  if (!sameBytes(ownerIdOf(ownerKey), session.owner)) {
    console.error(
      `The key is not that of the owner ID ${ownerText(session.owner)}: the token is good only where a list of owners names it (--owners, --owner-key)`,
    )
  }
  const token = await issueToken({ session, verb, object, lifetime: { exp } }, signerOf(ownerKey))
  const text = tokenToText(token)
  console.log(flags.json ? jsonLine({ token: text }) : text)
}
