import { Command } from 'commander'
import { tokenBindCommand } from './token-bind.js'
import { tokenCheckCommand } from './token-check.js'
import { tokenIssueCommand } from './token-issue.js'
import { tokenJwtCommand } from './token-jwt.js'
import { tokenListCommand } from './token-list.js'
import { tokenRevokeCommand } from './token-revoke.js'
import { tokenSignCommand } from './token-sign.js'
import { tokenWatchCommand } from './token-watch.js'

/** `sessiond token` */
export function tokenCommand(): Command {
  const command = new Command('token').description(
    'Use sessions: issue and check tokens, sign under them, prove sessions to others, and end them.',
  )
  for (const subcommand of [
    tokenIssueCommand(),
    tokenCheckCommand(),
    tokenSignCommand(),
    tokenJwtCommand(),
    tokenRevokeCommand(),
    tokenListCommand(),
    tokenWatchCommand(),
    tokenBindCommand(),
  ]) {
    command.addCommand(subcommand)
  }
  return command.addHelpText(
    'after',
    `
issue and check ask no server: whether the session was ended meanwhile, check cannot know.

Examples:
  $ sessiond create --key owner.key --json > session.json
  $ sessiond token issue --session session.json --verb put | sessiond token sign object.bin
  $ sessiond token check --verb get < get.token
  $ sessiond token revoke < session.json`,
  )
}
