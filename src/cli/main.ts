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
import { printable } from './printable.js'
import { repairCommand } from './repair.js'
import { requestCommand } from './request.js'
import { restoreCommand } from './restore.js'
import { rotateKeysCommand } from './rotate-keys.js'
import { serveCommand } from './serve.js'
import { sessionsCommand } from './sessions.js'
import { statusCommand } from './status.js'

// What Node will no longer do is for us to read, not for operators.
process.noDeprecation = true
silenceGrpc()

const program = new Command('sessiond')
  .description('A session-token server: signed requests in, durable Ed25519 session keys out.')
  .version(VERSION)
  .addHelpText(
    'after',
    `
Examples:
  $ sessiond serve
  $ sessiond keygen --out owner.key
  $ sessiond create --key owner.key --lifetime 1h --server-key "$(sessiond identity)"`,
  )
for (const command of [
  serveCommand(),
  keygenCommand(),
  identityCommand(),
  createCommand(),
  requestCommand(),
  sessionsCommand(),
  importCommand(),
  rotateKeysCommand(),
  exportCommand(),
  eraseCommand(),
  statusCommand(),
  backupCommand(),
  restoreCommand(),
  checkCommand(),
  repairCommand(),
  bridgeCommand(),
  clockCommand(),
]) {
  program.addCommand(command.exitOverride())
}

try {
  await program.exitOverride().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : USAGE_EXIT_CODE
  } else if (error instanceof SessiondError) {
    complain(error.message, 'sessiond: ')
    process.exitCode = exitCodeOf(error)
  } else {
    complain(inspect(error))
    process.exitCode = 1
  }
}

/** To standard error, without what a server or a caller put into it to move the terminal. */
function complain(text: string, prefix = ''): void {
  for (const line of text.split('\n')) {
    // Not by `console`, which a server has by then taken from its dependencies.
    process.stderr.write(`${prefix}${printable(line)}\n`)
  }
}
