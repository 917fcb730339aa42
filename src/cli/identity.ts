import { join } from 'node:path'
import { Command, Option } from 'commander'
import { fetchServerKeys, publicKeyOf } from '../client/index.js'
import { ConfigError } from '../config/config.js'
import { variableOf } from '../config/option.js'
import { parseServerKeys, readPrivateKey, withOptions } from './flags.js'
import { connectByFlags, type TlsFlags, tlsOptions } from './server-connection.js'

interface IdentityFlags extends TlsFlags {
  readonly dataDir: string
  readonly identityKey?: string
  readonly server?: string
  readonly serverKey?: string[]
  readonly json?: boolean
}

/** `sessiond identity` */
export function identityCommand(): Command {
  const command = new Command('identity')
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
    .option(
      '--server <ADDRESS>',
      'ask a running server instead (HOST:PORT or unix:PATH), and for its next key',
    )
    .option('--server-key <KEY...>', 'with --server: the keys that it may have, hex')
  return withOptions(command, tlsOptions())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
With --server the key that signs comes first, and below it the one that will, where one is announced.

Examples:
  $ sessiond identity
  $ sessiond identity --server 127.0.0.1:8090 --server-key "$PINNED"
  $ sessiond create --server-key "$(sessiond identity --data-dir /var/lib/sessiond)"`,
    )
    .action(async (flags: IdentityFlags) => {
      if (flags.serverKey !== undefined && flags.server === undefined) {
        throw new ConfigError(['--server-key: only with --server'])
      }
      const [publicKey, nextPublicKey] = (
        flags.server === undefined ? await readKeys(flags) : await askForKeys(flags.server, flags)
      ).map((key) => Buffer.from(key).toString('hex'))
      if (flags.json) {
        console.log(JSON.stringify({ publicKey, nextPublicKey }))
      } else {
        console.log([publicKey, nextPublicKey].join('\n').trim())
      }
    })
}

/** From the data directory: the key that signs. */
async function readKeys({ dataDir, identityKey }: IdentityFlags): Promise<Uint8Array[]> {
  const file = identityKey ?? join(dataDir, 'identity.pem')
  const advice =
    'a server makes it when it first starts; give its --data-dir or --identity-key, or ask it with --server'
  return [publicKeyOf(await readPrivateKey(file, advice))]
}

/** From the server: the key that signs and the one that will. */
async function askForKeys(
  server: string,
  { serverKey, ...flags }: IdentityFlags,
): Promise<readonly Uint8Array[]> {
  const mistakes: string[] = []
  const serverKeys = parseServerKeys(serverKey, mistakes)
  if (mistakes.length > 0) {
    throw new ConfigError(mistakes)
  }
  const connection = connectByFlags({ ...flags, server }, { serverKeys })
  try {
    const keys = await fetchServerKeys(connection)
    if (serverKeys === 'any') {
      console.error('The key was not checked: give the one you know with --server-key')
    }
    return keys
  } finally {
    connection.close()
  }
}
