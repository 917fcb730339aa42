import { join } from 'node:path'
import { Command, Option } from 'commander'
import { publicKeyOf } from '../client/index.js'
import { variableOf } from '../serve-options.js'
import { readPrivateKey } from './shared.js'

/** `sessiond identity` */
export function identityCommand(): Command {
  return new Command('identity')
    .description("Print the server's public key, for clients to pin.")
    .addOption(
      new Option('--data-dir <DIR>', "the server's data directory")
        .env(variableOf('data-dir'))
        .default('./data'),
    )
    .addOption(
      new Option('--identity-key <FILE>', 'where its key is kept, if not there').env(
        variableOf('identity-key'),
      ),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond identity
  $ sessiond create --server-key "$(sessiond identity --data-dir /var/lib/sessiond)"`,
    )
    .action(async (flags: { dataDir: string; identityKey?: string; json?: boolean }) => {
      const key = await readPrivateKey(flags.identityKey ?? join(flags.dataDir, 'identity.pem'))
      const publicKey = Buffer.from(publicKeyOf(key)).toString('hex')
      console.log(flags.json ? JSON.stringify({ publicKey }) : publicKey)
    })
}
