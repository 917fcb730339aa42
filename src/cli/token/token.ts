import { Command } from 'commander'
import { tokenBindCommand } from './bind.js'
import { tokenCheckCommand } from './check.js'
import { tokenIssueCommand } from './issue.js'
import { tokenJwtCommand } from './jwt.js'
import { tokenListCommand } from './list.js'
import { tokenRevokeCommand } from './revoke.js'
import { tokenSignCommand } from './sign.js'
import { tokenWatchCommand } from './watch.js'

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
