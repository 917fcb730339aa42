import { Command, Option } from 'commander'
import { signerOf } from '../../client/index.js'
import { printCreated } from '../create.js'
import { readPrivateKey, withOptions } from '../flags.js'
import { type RequestFlags, readRequestFlags, requestOptions } from '../request.js'
import { serverCallOptions, type TokensServerFlags, withTokens } from './server.js'

interface BindFlags extends RequestFlags, TokensServerFlags {
  readonly sessionKey: string
}

/** `sessiond token bind` */
export function tokenBindCommand(): Command {
  const command = new Command('bind')
    .description('Open a session for a key of your own. The server has no private key of it.')
    .addOption(
      new Option(
        '--session-key <FILE>',
        "the session's private key, which stays here: PEM, OpenSSH's format or a JSON Web Key",
      ).makeOptionMandatory(),
    )
  return withOptions(command, [...requestOptions(), ...serverCallOptions()])
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It prints what \`sessiond create\` prints.

Examples:
  $ sessiond keygen --out session.key
  $ sessiond token bind --session-key session.key --lifetime 1h --json > session.json
  $ sessiond token revoke --key session.key < session.json`,
    )
    .action(bind)
}

async function bind(flags: BindFlags): Promise<void> {
  const mistakes: string[] = []
  const { request, issueTimeMs, epochs } = await readRequestFlags(flags, mistakes)
  const sessionKey = await readPrivateKey(flags.sessionKey, '`sessiond keygen` makes a key')
  const { ownerKey: _, ...asked } = request
  await withTokens(flags, mistakes, async ({ tokens, options }) => {
    const bound = await tokens.bind(
      { ...asked, sessionKey: signerOf(sessionKey), issueTimeMs },
      options,
    )
    printCreated(bound, epochs, flags.json ?? false)
  })
}
