import { Command } from 'commander'
import { BRIDGE_GRACE_MS, startBridge } from '../bridge/bridge.js'
import { ConfigError } from '../config/config.js'
import { oneOf, senecaAddresses } from '../config/values.js'
import { isLoopback } from '../net/loopback.js'
import {
  type ConnectionFlags,
  checkServer,
  connectionOptions,
  readConnectionFlags,
  serverOption,
  withTokenVariable,
} from './connection/server-connection.js'
import { parseFlag, withOptions } from './flags.js'
import { openLog } from './output/server-log.js'
import { serveUntilSignal } from './signals.js'

interface BridgeFlags extends ConnectionFlags {
  readonly server: string
  readonly seneca: string
  readonly logLevel: string
  readonly logFormat: string
}

/** `sessiond bridge` */
export function bridgeCommand(): Command {
  const command = new Command('bridge')
    .description(
      'Serve Seneca on this machine and forward every act to a server elsewhere, until SIGTERM or SIGINT.',
    )
    .addOption(
      serverOption(
        'gRPC address of the server: HOST:PORT or unix:PATH; required',
      ).makeOptionMandatory(),
    )
    .option(
      '--seneca <URLS>',
      'addresses to listen on: tcp://HOST:PORT or http://HOST:PORT, on loopback only, separated by commas',
      'tcp://127.0.0.1:8807',
    )
  return withOptions(command, connectionOptions())
    .option('--log-level <LEVEL>', 'log level: error, warn, info or debug', 'info')
    .option('--log-format <FORMAT>', 'json, text, or auto: text on a terminal, else json', 'auto')
    .addHelpText(
      'after',
      `
While the server cannot be reached, every act is answered at once with SERVER_UNAVAILABLE.

Examples:
  $ sessiond bridge --server sessions.internal:8090 --tls --admin-token-file admin.token
  $ sessiond bridge --server 127.0.0.1:8090 --seneca tcp://127.0.0.1:8807,http://127.0.0.1:8809`,
    )
    .action(async (flags: BridgeFlags) => {
      const mistakes: string[] = []
      checkServer(flags.server, mistakes)
      const listen = parseFlag('--seneca', flags.seneca, senecaAddresses, mistakes)
      if (listen?.length === 0) {
        mistakes.push('--seneca: a bridge must listen somewhere')
      }
      for (const { host } of listen ?? []) {
        if (!isLoopback(host)) {
          mistakes.push(
            `--seneca: ${host} is not a loopback address, and Seneca has no credentials`,
          )
        }
      }
      const level = oneOf('error', 'warn', 'info', 'debug')
      const logLevel = parseFlag('--log-level', flags.logLevel, level, mistakes)
      const format = oneOf('auto', 'json', 'text')
      const logFormat = parseFlag('--log-format', flags.logFormat, format, mistakes)
      if (mistakes.length > 0) {
        throw new ConfigError(mistakes)
      }
      const log = openLog({ logLevel, logFormat })
      await serveUntilSignal({
        start: () =>
          startBridge(flags.server, readConnectionFlags(withTokenVariable(flags)), listen, log),
        onStarted: ({ addresses: seneca }) =>
          log.info({ event: 'ready', seneca, server: flags.server }, 'accepting acts'),
        closeMs: BRIDGE_GRACE_MS,
        log,
      })
    })
}
