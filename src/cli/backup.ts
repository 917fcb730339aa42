import { Command } from 'commander'
import { isDescriptor, STDOUT } from '../files/descriptors.js'
import { saveBackup } from '../offline/backup.js'
import { type ServerFlags, serverOptions, withAdmin } from './connection/server-connection.js'
import { withOptions } from './flags.js'
import { jsonLine } from './output/printable.js'
import { statusLine } from './output/progress.js'

/** `sessiond backup` */
export function backupCommand(): Command {
  const command = new Command('backup')
    .description('Back up a running server into a new file.')
    .argument('<FILE>', 'file to create')
  return withOptions(command, serverOptions())
    .addHelpText(
      'after',
      `
The server keeps serving. The backup is a snapshot of one moment; that of a store in Valkey or Redis has each shard, and so all
of a user, as of one moment. Session keys stay sealed in it, and the keys that
open them are not included: keep copies of identity.pem and sealing-keys.json of the data directory in another place.

The file gets its name only when it is complete, verified and on disk. A pipe, such as /dev/stdout, receives the data
directly: it is complete only if the command succeeds. With --json: {"file", "bytes", "sessions"}.

Examples:
  $ sessiond backup "sessions-$(date +%F).backup"
  $ sessiond backup /mnt/backups/sessions.backup --server 127.0.0.1:8090 --json
  $ sessiond backup /dev/stdout | zstd > sessions.backup.zst`,
    )
    .action((file: string, flags: ServerFlags) =>
      withAdmin(flags, async (admin) => {
        const line = statusLine(process.stderr)
        const { bytes, session: sessions } = await saveBackup(admin.backup(), file, (received) =>
          line.show(`${file}: ${received} bytes`),
        ).finally(line.clear)
        const say = isDescriptor(file, STDOUT) ? console.error : console.log
        say(
          flags.json
            ? jsonLine({ file, bytes, sessions })
            : `wrote ${file}: ${sessions} sessions, ${bytes} bytes`,
        )
      }),
    )
}
