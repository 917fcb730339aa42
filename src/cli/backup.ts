import { Command } from 'commander'
import { isDescriptor, STDOUT } from '../files/descriptors.js'
import { saveBackup } from '../offline/backup.js'
import { withOptions } from './flags.js'
import { statusLine } from './progress.js'
import { type ServerFlags, serverOptions, withAdmin } from './server-connection.js'

/** `sessiond backup` */
export function backupCommand(): Command {
  const command = new Command('backup')
    .description('Write all that a running server stores, as of one moment, into a new file.')
    .argument('<FILE>', 'which must not be there yet')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
The server goes on meanwhile. Session keys stay sealed in the file, and the keys that open them are not
in it: keep identity.pem and sealing-keys.json of the data directory in another place. The file gets its
name once it is whole, verified and on disk. A pipe such as /dev/stdout gets it as it comes: it is whole if
the command succeeds. With --json: {"file", "bytes", "sessions"}.

Examples:
  $ sessiond backup "sessions-$(date +%F).backup"
  $ sessiond backup /mnt/backups/sessions.backup --server 127.0.0.1:8090 --json
  $ sessiond backup /dev/stdout | zstd > sessions.backup.zst`,
    )
    .action((file: string, flags: ServerFlags) =>
      withAdmin(flags, async (admin, signal) => {
        const line = statusLine(process.stderr)
        const { bytes, session: sessions } = await saveBackup(
          admin.backup(signal),
          file,
          (received) => line.show(`${file}: ${received} bytes`),
        ).finally(line.clear)
        const say = isDescriptor(file, STDOUT) ? console.error : console.log
        say(
          flags.json
            ? JSON.stringify({ file, bytes, sessions })
            : `wrote ${file}: ${sessions} sessions, ${bytes} bytes`,
        )
      }),
    )
}
