import { join } from 'node:path'

export const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')

/**
 * Starts a server as it is by default, on free ports and without quotas. `start` is that of `withServers`. `http`: whether
 * the server has an HTTP port; `more`: further options.
 */
export function serve(start, dataDir, { http = false, more = [] } = {}) {
  return start(MAIN, [
    ...['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0', '--seneca', 'tcp://127.0.0.1:0'],
    ...['--http', http ? '127.0.0.1:0' : 'off', '--max-sessions-per-owner', '0'],
    ...more,
  ])
}
