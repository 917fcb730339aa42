import { Command, Option } from 'commander'
import { migrateStore } from '../offline/migrate.js'
import { withOptions } from './flags.js'
import { jsonLine } from './output/printable.js'
import { progressOn } from './output/progress.js'
import { counted } from './output/session-text.js'
import { ENGINE_OPTIONS, readServerConfig, serverConfigOptions } from './server-config.js'
import { interruptible } from './signals.js'

const SERVER_OPTIONS = [
  'dataDir',
  ...ENGINE_OPTIONS,
  'epochGenesisAtMs',
  'epochLengthMs',
  'sealingKeys',
] as const

interface MigrateFlags {
  readonly from: string
  readonly to: string
  readonly json?: boolean
}

/** `sessiond migrate` */
export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description('Copy the store of a stopped server into another one, such as a Valkey cluster.')
    .addOption(
      new Option(
        '--from <STORE>',
        'what to copy, named as --store of serve names it; required',
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option('--to <STORE>', 'where to, named in the same way; required').makeOptionMandatory(),
    )
  return withOptions(command, serverConfigOptions(SERVER_OPTIONS))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Stop the servers of the old store first. Use their options, variables and --config file. The new store must be empty. It
appears only when everything was written, read back and found to be the same, by counts and by a digest of the content;
until then servers refuse it.

A run into Valkey or Redis that is stopped or killed keeps what it has written: run the same command again, and it goes
on. If the old store changed meanwhile, it deletes what it has written and says so. A run into LevelDB starts anew.

The old store keeps all that it holds: start no server on it any more, for it would serve what the other one does not know
of. If an earlier release wrote it, it first gets the layout of this release, as when a server starts on it; the earlier
release then refuses it.

The keys are not in the store: servers of the new one need the same identity.pem and sealing-keys.json. With --json:
{"from", "to", "sessions", "missing_keys"}.

Examples:
  $ sessiond migrate --from level:/var/lib/sessiond/store --to valkey://10.0.0.1:6379,10.0.0.2:6379 \\
      --data-dir /var/lib/sessiond
  $ sessiond migrate --from level --to valkeys://sessiond@valkey.internal --store-password engine.password --json
  $ sessiond migrate --from valkey://10.0.0.1:6379 --to level:/srv/store --data-dir /var/lib/sessiond`,
    )
    .action(migrate)
}

async function migrate(flags: MigrateFlags, command: Command): Promise<void> {
  const config = readServerConfig(command, SERVER_OPTIONS)
  const progress = progressOn(process.stderr, flags.from)
  const { counts, missingKeys, ...places } = await interruptible((signal) =>
    migrateStore(
      flags,
      config,
      {
        onUpgrade(rows, isDone) {
          progress.clear()
          if (isDone) {
            console.error(`sessiond: ${flags.from} now has the layout of this release`)
          } else {
            progress.show(null, `an earlier release wrote ${flags.from}; ${rows} rows upgraded `)
          }
        },
        onProgress: (sessions, total) =>
          progress.show(total === 0 ? null : sessions / total, `${sessions} sessions`),
        onVerify: () => progress.show(null, 'all is written; reading it back '),
      },
      signal,
    ),
  ).finally(progress.clear)
  if (missingKeys.length > 0) {
    console.error(
      `sessiond: ${config.sealingKeys} does not have the sealing keys ${missingKeys.join(', ')}: ` +
        'servers of the new store need the file that the old one had',
    )
  }
  console.log(
    flags.json
      ? jsonLine({ ...places, sessions: counts.session, missingKeys })
      : `copied ${counted(counts.session, 'session')} from ${places.from} to ${places.to}, and verified them`,
  )
}
