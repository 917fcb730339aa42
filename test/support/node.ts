import { pino } from 'pino'
import { readConfig } from '../../src/config/config.js'
import { type Node, startNode } from '../../src/server/start.js'

/** A server in this process, on a free port. Flags as on the command line. */
export async function startTestNode(
  dataDir: string,
  flags: Readonly<Record<string, string>> = {},
): Promise<Node> {
  const config = readConfig({
    flags: {
      'data-dir': dataDir,
      grpc: '127.0.0.1:0',
      seneca: 'off',
      http: '127.0.0.1:0',
      // A thread would run sources as they are.
      'crypto-threads': '0',
      ...flags,
    },
    env: {},
  })
  return startNode(config, pino({ enabled: false }))
}
