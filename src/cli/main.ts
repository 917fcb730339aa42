#!/usr/bin/env node
import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import { VERSION } from '../config/version.js'
import { SessiondError } from '../core/errors.js'
import { silenceGrpc } from '../observability/dependency-output.js'
import { backupCommand } from './backup.js'
import { bridgeCommand } from './bridge.js'
import { checkCommand } from './check.js'
import { clockCommand } from './clock.js'
import { createCommand } from './create.js'
import { eraseCommand } from './erase.js'
import { exitCodeOf, USAGE_EXIT_CODE } from './exit-codes.js'
import { exportCommand } from './export.js'
import { identityCommand } from './identity.js'
import { importCommand } from './import.js'
import { keygenCommand } from './keygen.js'
import { flushOutput, isOutputFailure, watchOutput } from './output.js'
import { printable } from './printable.js'
import { repairCommand } from './repair.js'
import { requestCommand } from './request.js'
import { restoreCommand } from './restore.js'
import { rotateKeysCommand } from './rotate-keys.js'
import { serveCommand } from './serve.js'
import { sessionsCommand } from './sessions.js'
import { statusCommand } from './status.js'
import { tokenCommand } from './token.js'

// Deprecation warnings of Node are for developers, not for operators.
process.noDeprecation = true
silenceGrpc()

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
const servers = [serveCommand(), bridgeCommand()]
const GROUPS: Readonly<Record<string, readonly Command[]>> = {
  'Run a server:': servers,
  'Open sessions:': [keygenCommand(), identityCommand(), createCommand(), requestCommand()],
  'Use sessions:': [tokenCommand()],
  'Manage sessions of a running server:': [sessionsCommand(), exportCommand(), eraseCommand()],
  'Operate a running server:': [
    ...[statusCommand(), checkCommand(), backupCommand(), rotateKeysCommand(), clockCommand()],
  ],
  "Work on a stopped server's data:": [restoreCommand(), repairCommand(), importCommand()],
}
for (const [heading, commands] of Object.entries(GROUPS)) {
  for (const command of commands) {
    program.addCommand(command.helpGroup(heading))
  }
}
for (const command of withSubcommands(program)) {
  command.exitOverride().configureOutput({
    writeOut(text) {
      watchOutput()
      process.stdout.write(text)
    },
    writeErr(text) {
      watchOutput()
      process.stderr.write(text)
    },
  })
}
program.hook('preAction', (_, action) => {
  if (!servers.includes(action)) {
    watchOutput()
  }
})

await program.parseAsync().catch(fail)
await flushOutput().catch(fail)

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

function fail(error: unknown): void {
  watchOutput()
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : USAGE_EXIT_CODE
  } else if (error instanceof SessiondError && isOutputFailure(error)) {
    process.exitCode = 1
  } else if (error instanceof SessiondError) {
    complain(error.message, 'sessiond: ')
    process.exitCode = exitCodeOf(error)
  } else {
    complain(inspect(error))
    process.exitCode = 1
  }
}

/** Prints to standard error, with control characters of servers and callers escaped. */
function complain(text: string, prefix = ''): void {
  for (const line of text.split('\n')) {
    // Not by `console`: a server has redirected it to its log by then.
    process.stderr.write(`${prefix}${printable(line)}\n`)
  }
}
