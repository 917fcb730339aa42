import { Command, Option } from 'commander'
import { ConfigError } from '../../config/config.js'
import { durationMs } from '../../config/values.js'
import { parseFlag, withOptions } from '../flags.js'
import { jsonLine } from '../output/printable.js'
import { type TokensServerFlags, tokensServerOptions, withTokens } from './server.js'
import { sessionIds } from './session.js'

interface JwtFlags extends TokensServerFlags {
  readonly audience: string[]
  readonly lifetime?: string
}

/** `sessiond token jwt` */
export function tokenJwtCommand(): Command {
  const command = new Command('jwt')
    .description(
      "Have the server issue a JWT of a session, bound to the session's key, and print it.",
    )
    .argument(
      '[SESSION]',
      'session ID (default: standard input, an ID or what `sessiond create --json` printed)',
    )
    .addOption(
      new Option(
        '--audience <NAME...>',
        'whom the JWT is for, its `aud`: 1 to 8',
      ).makeOptionMandatory(),
    )
    .option('--lifetime <DURATION>', 'how long it is valid (default: as long as its session)')
  return withOptions(command, tokensServerOptions("the owner's or the session's own"))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A JWT stays good until it expires, whatever becomes of its session: give it a short life.

Examples:
  $ sessiond create --json | sessiond token jwt --audience https://api.example --lifetime 5m
  $ sessiond token jwt 0d1f7f5e-3b5c-4c39-9d0e-5f1d1c7a2b11 --audience api --key session.key`,
    )
    .action(async (session: string | undefined, flags: JwtFlags) => {
      const mistakes: string[] = []
      const lifetimeMs =
        flags.lifetime === undefined
          ? undefined
          : parseFlag('--lifetime', flags.lifetime, durationMs, mistakes)
      await withTokens(flags, mistakes, async ({ tokens, options }) => {
        const ids = sessionIds(session === undefined ? [] : [session])
        if (ids.length > 1) {
          throw new ConfigError(['SESSION: a JWT is of one session, and standard input has more'])
        }
        const asked = { id: ids[0] as string, audience: flags.audience }
        const jwt = await tokens.issueJwt(
          { ...asked, ...(lifetimeMs !== undefined && { lifetimeMs }) },
          options,
        )
        console.log(flags.json ? jsonLine({ jwt }) : jwt)
      })
    })
}
