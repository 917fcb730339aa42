import { Argument, Command } from 'commander'
import type { AdminClient } from '../client/index.js'
import { type ServerFlags, serverOptions, withAdmin } from './connection/server-connection.js'
import { withOptions } from './flags.js'
import { jsonLine } from './output/printable.js'

/** `sessiond clock` */
export function clockCommand(): Command {
  const command = new Command('clock')
    .description(
      'Show whether a running server trusts its clock, or confirm that the clock is right.',
    )
    .addArgument(new Argument('[ACTION]', 'confirm: the clock is right now').choices(['confirm']))
    .addHelpText(
      'after',
      `
While a server does not trust its clock, it ends and purges no session. With --json: {"offset_ms", "suspect"}, or
{"accepted_offset_ms"}.

Examples:
  $ sessiond clock
  $ sessiond clock confirm`,
    )
    .action((action: 'confirm' | undefined, flags: ServerFlags) =>
      withAdmin(flags, (admin) => (action === 'confirm' ? confirm : show)(admin, flags)),
    )
  return withOptions(command, serverOptions())
}

async function show(admin: AdminClient, { json }: ServerFlags): Promise<void> {
  const { clockOffsetMs: offsetMs, isClockSuspect: isSuspect } = await admin.status()
  const state = isSuspect ? 'suspect: nothing is ended or purged' : 'trusted'
  console.log(
    json
      ? jsonLine({ offsetMs, suspect: isSuspect })
      : `${state}; ${seconds(offsetMs)} from where it was expected`,
  )
}

async function confirm(admin: AdminClient, { json }: ServerFlags): Promise<void> {
  const acceptedOffsetMs = await admin.confirmClock()
  console.log(
    json ? jsonLine({ acceptedOffsetMs }) : `confirmed; ${seconds(acceptedOffsetMs)} were accepted`,
  )
}

function seconds(ms: number): string {
  const tenths = Math.round(ms / 100)
  return `${(tenths === 0 ? 0 : tenths / 10).toFixed(1)} s`
}
