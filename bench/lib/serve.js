import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Starts a server as it is by default, on free ports and without quotas. `http`: whether it has an HTTP port; `more`: further options. */
export function serve(start, dataDir, { http = false, more = [] } = {}) {
  return start(MAIN, [
    ...['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0', '--seneca', 'tcp://127.0.0.1:0'],
    ...['--http', http ? '127.0.0.1:0' : 'off', '--max-sessions-per-owner', '0'],
    ...more,
  ])
}
