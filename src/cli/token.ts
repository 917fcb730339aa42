import { Command } from 'commander'
import { tokenCheckCommand } from './token-check.js'
import { tokenIssueCommand } from './token-issue.js'

/** `sessiond token` */
export function tokenCommand(): Command {
  const command = new Command('token').description(
    'Issue and check session tokens, with which the holder of a session key acts for the owner.',
  )
  for (const subcommand of [tokenIssueCommand(), tokenCheckCommand()]) {
    command.addCommand(subcommand)
  }
  return command.addHelpText(
    'after',
    `
Neither asks a server: whether the session was ended meanwhile, they cannot know.

Examples:
  $ sessiond create --key owner.key --json | sessiond token issue --key owner.key --verb get > get.token
  $ sessiond token check --verb get < get.token`,
  )
}
