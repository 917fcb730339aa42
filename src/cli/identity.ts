import { hex } from '@scure/base'
import { Command, Option } from 'commander'
import { fetchServerKeys, publicKeyOf } from '../client/index.js'
import { ConfigError, readConfig } from '../config/config.js'
import { defaultText, variableOf } from '../config/option.js'
import { SERVE_OPTIONS } from '../config/serve-options.js'
import {
  connectByFlags,
  serverOption,
  type TlsFlags,
  tlsOptions,
} from './connection/server-connection.js'
import { parseServerKeys, readPrivateKey, serverKeyOption, withOptions } from './flags.js'
import { jsonLine } from './output/printable.js'

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
    .description("Print the server's public key, so that clients can pin it.")
    .addOption(
      new Option('--data-dir <DIR>', 'data directory of the server')
        .env(variableOf('data-dir'))
        .default(defaultText(SERVE_OPTIONS.dataDir)),
    )
    .addOption(
      new Option(
        '--identity-key <FILE>',
        `the server's identity key file (default: ${defaultText(SERVE_OPTIONS.identityKey)})`,
      ).env(variableOf('identity-key')),
    )
    .addOption(
      serverOption(
        'ask a running server (HOST:PORT or unix:PATH) for its key and its next key, instead of reading the file',
      ),
    )
    .addOption(
      serverKeyOption('with --server: accept only an answer signed by one of these keys (hex)'),
    )
  return withOptions(command, tlsOptions())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
With --server the first line is the key that signs now. If the server has announced its next key, that is the second line.

Examples:
  $ sessiond identity
  $ sessiond identity --server 127.0.0.1:8090 --server-key "$PINNED"
  $ sessiond create --server-key "$(sessiond identity --data-dir /var/lib/sessiond)"`,
    )
    .action(async (flags: IdentityFlags, self: Command) => {
      const server = serverToAsk(flags, self)
      if (self.getOptionValueSource('serverKey') === 'cli' && server === undefined) {
        throw new ConfigError(['--server-key: only with --server'])
      }
      const [publicKey, nextPublicKey] = (
        server === undefined ? await readKeys(flags) : await askForKeys(server, flags)
      ).map((key) => hex.encode(key))
      if (flags.json) {
        console.log(jsonLine({ publicKey, nextPublicKey }))
      } else {
        console.log([publicKey, nextPublicKey].join('\n').trim())
      }
    })
}

/** The server of `--server`. The one of the variable is not asked if the options name a file. Throws ConfigError. */
function serverToAsk({ server }: IdentityFlags, self: Command): string | undefined {
  const sourceOf = (key: string) => self.getOptionValueSource(key) ?? ''
  const files = { dataDir: '--data-dir', identityKey: '--identity-key' }
  if (sourceOf('server') === 'cli') {
    // The key that is printed would be that of one of them, and nobody could tell of which.
    const given = Object.entries(files).filter(([key]) => sourceOf(key) === 'cli')
    if (given.length > 0) {
      throw new ConfigError(given.map(([, flag]) => `${flag}: not with --server`))
    }
    return server
  }
  const isFileNamed = Object.keys(files).some((key) => ['cli', 'env'].includes(sourceOf(key)))
  return isFileNamed && sourceOf('server') === 'env' ? undefined : server
}

/** The key that signs, from the data directory. */
async function readKeys({ dataDir, identityKey }: IdentityFlags): Promise<Uint8Array[]> {
  const flags = {
    'data-dir': dataDir,
    ...(identityKey !== undefined && { 'identity-key': identityKey }),
  }
  const { identityKey: file } = readConfig({ flags, env: {} })
  const advice =
    'a server makes it at its first start; give its --data-dir or --identity-key, or ask the server with --server'
  return [publicKeyOf(await readPrivateKey(file, advice))]
}

/** The key that signs, and the next one if it is announced, from the server. */
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
      console.error('The key was not checked: pin the one you know with --server-key')
    }
    return keys
  } finally {
    connection.close()
  }
}
