#!/usr/bin/env node
import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import { backupCommand } from './cli/backup.js'
import { bridgeCommand } from './cli/bridge.js'
import { checkCommand } from './cli/check.js'
import { clockCommand } from './cli/clock.js'
import { createCommand } from './cli/create.js'
import { eraseCommand } from './cli/erase.js'
import { exportCommand } from './cli/export.js'
import { identityCommand } from './cli/identity.js'
import { importCommand } from './cli/import.js'
import { keygenCommand } from './cli/keygen.js'
import { repairCommand } from './cli/repair.js'
import { requestCommand } from './cli/request.js'
import { restoreCommand } from './cli/restore.js'
import { rotateKeysCommand } from './cli/rotate-keys.js'
import { serveCommand } from './cli/serve.js'
import { printable } from './cli/session-text.js'
import { sessionsCommand } from './cli/sessions.js'
import { statusCommand } from './cli/status.js'
import { CommandError, RefusedError } from './client/index.js'
import { SessiondError } from './core/errors.js'
import { silenceGrpc } from './dependency-output.js'
import { VERSION } from './version.js'

/**
 * What the process ends with, by the code of the error; 1 for any other. Listed in the README, with the 6 of
 * `cli/signals.ts`.
 */
const EXIT_CODES: Readonly<Record<string, number>> = {
  INVALID_CONFIG: 2,
  UNPROTECTED_TOKEN: 2,
  STORE_LOCKED: 3,
  STORE_MISMATCH: 4,
  STORE_DAMAGED: 4,
  INVALID_INPUT_FILE: 4,
  LISTEN_FAILED: 5,
}
const USAGE_EXIT_CODE = 2

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
    // What a server gives as its reason says nothing of this process.
    const isRemote = error instanceof RefusedError || error instanceof CommandError
    process.exitCode = (isRemote ? undefined : EXIT_CODES[error.code]) ?? 1
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
