import { join } from 'node:path'
import { type ServerProcess, startServer, temporaryDirectory } from './process.js'

/** Starts servers that share engines, and their keys, one after the other. Those that still run are killed at the end. */
export async function serversOn(
  { addresses }: { readonly addresses: string },
  atEnd: (close: () => Promise<void>) => void,
) {
  const directory = await temporaryDirectory(atEnd)
  const servers: ServerProcess[] = []
  atEnd(async () => {
    await Promise.all(servers.map((server) => server.stop('SIGKILL')))
  })
  return async (name: string, args: readonly string[] = []): Promise<ServerProcess> => {
    const server = await startServer({
      dataDir: join(directory, name),
      args: [
        ...['--store', `valkey://${addresses}`, '--seneca', 'tcp://127.0.0.1:0'],
        ...['--identity-key', join(directory, 'identity.pem')],
        ...['--sealing-keys', join(directory, 'sealing-keys.json')],
        ...args,
      ],
    })
    servers.push(server)
    return server
  }
}
