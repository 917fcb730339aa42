import { Command } from 'commander'
import { restoreBackup } from '../offline/restore.js'
import { withOptions } from './flags.js'
import { jsonLine } from './output/printable.js'
import { statusLine } from './output/progress.js'
import { ENGINE_OPTIONS, readServerConfig, serverConfigOptions } from './server-config.js'
import { interruptible } from './signals.js'

const SERVER_OPTIONS = ['dataDir', 'store', ...ENGINE_OPTIONS, 'sealingKeys'] as const

/** `sessiond restore` */
export function restoreCommand(): Command {
  const command = new Command('restore')
    .description('Restore a backup into the data directory of a stopped server.')
    .argument('<FILE>', 'backup file')
  return withOptions(command, serverConfigOptions(SERVER_OPTIONS))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The data directory, or the engine that --store names, must not have a store yet. The store appears only when the whole file
is verified; of an engine it is also read back before. A restore that is stopped deletes what it has written; of one that was
killed, the next run does. The file can be a pipe, such as /dev/stdin. A backup of a store of any kind can be restored into
any other.

Put the server's identity.pem and sealing-keys.json there too: without the first the server does not start, without the
second its session keys do not open. With --json: {"sessions", "missing_keys"}.

Examples:
  $ sessiond restore sessions.backup --data-dir /var/lib/sessiond
  $ sessiond restore sessions.backup --data-dir /var/lib/sessiond --store valkey://10.0.0.1:6379
  $ sessiond restore sessions.backup --data-dir /var/lib/sessiond && sessiond check --data-dir /var/lib/sessiond
  $ zstdcat sessions.backup.zst | sessiond restore /dev/stdin --data-dir /var/lib/sessiond`,
    )
    .action(async (file: string, flags: { readonly json?: boolean }, self: Command) => {
      const config = readServerConfig(self, SERVER_OPTIONS)
      const line = statusLine(process.stderr)
      const { location, counts, missingKeys } = await interruptible((signal) =>
        restoreBackup(
          file,
          config,
          ({ part, bytes }) =>
            line.show(
              `${file}: ${part === null ? `${bytes} bytes` : `${Math.floor(100 * part)} %`}`,
            ),
          signal,
        ),
      ).finally(line.clear)
      if (missingKeys.length > 0) {
        console.error(
          `sessiond: ${config.sealingKeys} does not have the sealing keys ${missingKeys.join(', ')}: ` +
            'put the file there that the backed up server had, or the keys of its sessions are lost',
        )
      }
      console.log(
        flags.json
          ? jsonLine({ sessions: counts.session, missingKeys })
          : `restored ${counts.session} sessions into ${location}`,
      )
    })
}
