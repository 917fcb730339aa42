import { Command } from 'commander'
import type { CheckFinding } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { type Config, SERVE_OPTIONS } from '../config/serve-options.js'
import { SessiondError } from '../core/errors.js'
import { apart } from '../offline/apart.js'
import type { CheckEvent } from '../offline/check.js'
import { type ServerFlags, serverOptions, withAdmin } from './connection/server-connection.js'
import { withOptions } from './flags.js'
import { jsonLine, printable } from './output/printable.js'
import { statusLine } from './output/progress.js'
import { readServerConfig, STORE_OPTIONS, serverConfigOptions } from './server-config.js'

type CheckFlags = ServerFlags & { readonly dataDir?: string }

/** `sessiond check` */
export function checkCommand(): Command {
  const command = new Command('check').description('Verify the store and open every sealed key.')
  return withOptions(command, [...serverOptions(), ...serverConfigOptions(STORE_OPTIONS)])
    .addHelpText(
      'after',
      `
Checks a running server, which keeps serving. With --data-dir it checks the data directory of a stopped server: use the
same options as that server. A store in Valkey or Redis may be in use meanwhile. Prints one line for each problem; the
exit code is 1 if there are any.

With --json: a line {"problem"} for each, then {"rows", "problems", "unchecked"}. Unchecked rows were written by an
earlier release, without a checksum; the next start of the server adds it.

Examples:
  $ sessiond check
  $ sessiond check --data-dir /var/lib/sessiond
  $ sessiond check --data-dir /var/lib/sessiond --store valkey://10.0.0.1:6379`,
    )
    .action(async (flags: CheckFlags, self: Command) => {
      if (flags.dataDir === undefined) {
        expectNone(['config', ...STORE_OPTIONS.map((key) => SERVE_OPTIONS[key].name)], self)
        await withAdmin(flags, (admin) => report(admin.check(), flags))
      } else {
        await report(checkApart(readServerConfig(self, STORE_OPTIONS)), flags)
      }
    })
}

/** Rejects options of a stopped server's data directory: a running server has its own. Throws ConfigError. */
function expectNone(names: readonly string[], command: Command): void {
  const given = command.options.filter(
    (option) =>
      names.includes(option.name()) && command.getOptionValue(option.attributeName()) !== undefined,
  )
  if (given.length > 0) {
    throw new ConfigError(given.map(({ long }) => `${long}: only with --data-dir`))
  }
}

async function* checkApart(config: Config): AsyncGenerator<CheckEvent, void> {
  try {
    for await (const report of apart({ kind: 'check', config })) {
      if ('event' in report) {
        yield report.event
      }
    }
  } catch (error) {
    // The store may be too damaged to open, or to read to its end.
    if (!(error instanceof SessiondError) || error.code !== 'STORE_DAMAGED') {
      throw error
    }
    yield { problem: error.message }
  }
}

async function report(
  findings: AsyncIterable<CheckFinding | CheckEvent>,
  { json }: { readonly json?: boolean },
): Promise<void> {
  const line = statusLine(process.stderr)
  let problems = 0
  let rows = 0
  let unchecked = 0
  try {
    for await (const finding of findings) {
      if ('problem' in finding) {
        problems++
        line.clear()
        console.log(json ? jsonLine({ problem: finding.problem }) : printable(finding.problem))
      } else if ('unchecked' in finding) {
        unchecked = finding.unchecked
      } else {
        rows = finding.checkedRows
        line.show(`checked ${rows} of ${finding.totalRows} rows`)
      }
    }
  } finally {
    line.clear()
  }
  const summary = `checked ${rows} rows: ${problems === 0 ? 'no problem' : `${problems} problems`}`
  const more =
    unchecked === 0 ? '' : `; ${unchecked} have no checksum until a server of this release starts`
  console.log(json ? jsonLine({ rows, problems, unchecked }) : `${summary}${more}`)
  if (problems > 0) {
    process.exitCode = 1
  }
}
