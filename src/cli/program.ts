import { Command } from 'commander'
import { VERSION } from '../config/version.js'
import { backupCommand } from './backup.js'
import { bridgeCommand } from './bridge.js'
import { checkCommand } from './check.js'
import { clockCommand } from './clock.js'
import { completionCommand } from './completion.js'
import { createCommand } from './create.js'
import { eraseCommand } from './erase.js'
import { exportCommand } from './export.js'
import { identityCommand } from './identity.js'
import { importCommand } from './import.js'
import { keygenCommand } from './keygen.js'
import { migrateCommand } from './migrate.js'
import { repairCommand } from './repair.js'
import { requestCommand } from './request.js'
import { restoreCommand } from './restore.js'
import { rotateKeysCommand } from './rotate-keys.js'
import { serveCommand } from './serve.js'
import { sessionsCommand } from './sessions.js'
import { statusCommand } from './status.js'
import { tokenCommand } from './token.js'

/** `sessiond`: every command, in the groups of `--help`. */
export function sessiondProgram(): Command {
  const program = new Command('sessiond')
    .description(
      'Session-token server: verifies signed requests and mints durable Ed25519 session keys.',
    )
    .version(VERSION)
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond serve
  $ sessiond keygen --out owner.key
  $ sessiond create --key owner.key --lifetime 1h --server-key "$(sessiond identity)"

\`sessiond COMMAND --help\` shows the options of a command, with examples.`,
    )
    .addHelpText(
      'afterAll',
      `
Exit codes:
  0  success
  1  the server refused the call, the command found problems, or something unexpected happened
  2  an option is missing or wrong
  3  another process uses the data directory
  4  the store or a file is damaged, or does not fit
  5  the server cannot listen on an address
  6  the server was stopped by force
  7  nothing matched`,
    )
  const groups: Readonly<Record<string, readonly Command[]>> = {
    'Run a server:': [serveCommand(), bridgeCommand()],
    'Open sessions:': [keygenCommand(), identityCommand(), createCommand(), requestCommand()],
    'Use sessions:': [tokenCommand()],
    'Manage sessions of a running server:': [sessionsCommand(), exportCommand(), eraseCommand()],
    'Operate a running server:': [
      ...[statusCommand(), checkCommand(), backupCommand(), rotateKeysCommand(), clockCommand()],
    ],
    "Work on a stopped server's data:": [
      restoreCommand(),
      repairCommand(),
      migrateCommand(),
      importCommand(),
    ],
    'Use a shell:': [completionCommand()],
  }
  for (const [heading, commands] of Object.entries(groups)) {
    for (const command of commands) {
      program.addCommand(command.helpGroup(heading))
    }
  }
  return program
}

/** A command and all below it. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}
