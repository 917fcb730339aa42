#!/usr/bin/env node
import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { OutputError, SessiondError } from '../core/errors.js'
import { silenceGrpc } from '../observability/dependency-output.js'
import { exitCodeOf, USAGE_EXIT_CODE } from './output/exit-codes.js'
import { flushOutput, watchOutput } from './output/output.js'
import { printable } from './output/printable.js'
import { sessiondProgram, withSubcommands } from './program.js'

/** Commands that write nothing but their log. */
const SERVERS = ['serve', 'bridge']

// Deprecation warnings of Node are for developers, not for operators.
process.noDeprecation = true
silenceGrpc()

const program = await sessiondProgram(process.argv[2])
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
  if (!SERVERS.includes(action.name())) {
    watchOutput()
  }
})

const problem: unknown = await program.parseAsync().then(
  () => null,
  (error) => error,
)
const outputFailure = await flushOutput()
if (problem instanceof SessiondError && problem.cause === outputFailure) {
  // A file that was to be made there is not whole.
  process.exitCode = 1
} else if (problem !== null) {
  fail(problem)
}
if (outputFailure !== null && outputFailure.code !== 'EPIPE') {
  fail(new OutputError(outputFailure))
}

function fail(error: unknown): void {
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

/** Prints to standard error, with control characters of servers and callers escaped. */
function complain(text: string, prefix = ''): void {
  for (const line of text.split('\n')) {
    // Not by `console`: a server has redirected it to its log by then.
    process.stderr.write(`${prefix}${printable(line)}\n`)
  }
}
