import { Command } from 'commander'
import { BRIDGE_GRACE_MS, startBridge } from '../bridge/bridge.js'
import { ConfigError } from '../config/config.js'
import { grpcAddress, oneOf, senecaAddresses } from '../config/values.js'
import { isLoopback } from '../net/loopback.js'
import { createLog } from '../observability/log.js'
import { parseFlag, withOptions } from './flags.js'
import {
  type ConnectionFlags,
  connectionOptions,
  readConnectionFlags,
} from './server-connection.js'
import { serveUntilSignal } from './signals.js'

interface BridgeFlags extends ConnectionFlags {
  readonly server: string
  readonly seneca: string
  readonly logLevel: string
}

/** `sessiond bridge` */
export function bridgeCommand(): Command {
  const command = new Command('bridge')
    .description(
      'Serve Seneca on this machine and forward every act to a server elsewhere, until SIGTERM or SIGINT.',
    )
    .requiredOption(
      '--server <ADDRESS>',
      'gRPC address of the server: HOST:PORT or unix:PATH; required',
    )
    .option(
      '--seneca <URLS>',
      'addresses to listen on: tcp://HOST:PORT or http://HOST:PORT, on loopback only, separated by commas',
      'tcp://127.0.0.1:8807',
    )
  return withOptions(command, connectionOptions())
    .option('--log-level <LEVEL>', 'log level: error, warn, info or debug', 'info')
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
      parseFlag('--server', flags.server, grpcAddress, mistakes)
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
      if (mistakes.length > 0) {
        throw new ConfigError(mistakes)
      }
      const log = createLog(logLevel)
      await serveUntilSignal({
        start: () => startBridge(flags.server, readConnectionFlags(flags), listen, log),
        onStarted: ({ addresses: seneca }) =>
          log.info({ event: 'ready', seneca, server: flags.server }, 'accepting acts'),
        closeMs: BRIDGE_GRACE_MS,
        log,
      })
    })
}
