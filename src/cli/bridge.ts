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
      'Speak Seneca on this machine for a server elsewhere, until SIGTERM or SIGINT. ' +
        'While the server is away every act is answered at once with SERVER_UNAVAILABLE.',
    )
    .requiredOption(
      '--server <ADDRESS>',
      'where the server listens for gRPC: HOST:PORT or unix:PATH',
    )
    .option(
      '--seneca <URLS>',
      'where to listen: tcp://HOST:PORT or http://HOST:PORT, loopback only; several with commas',
      'tcp://127.0.0.1:8807',
    )
  return withOptions(command, connectionOptions())
    .option('--log-level <LEVEL>', 'error, warn, info or debug', 'info')
    .addHelpText(
      'after',
      `
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
          mistakes.push(`--seneca: ${host} is no loopback address, and Seneca has no credentials`)
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
