import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { AdminClient, connect, rotateIdentity, rotateSealingKey } from '../../src/client/index.js'
import { startServer, temporaryDirectory } from '../support/process.js'
import { haveTool } from '../support/tools.js'

/** What was done to key files and their directory, in order: `sync FILE`, `link FROM TO`, `rename FROM TO`. */
async function stepsOf(trace: string): Promise<string[]> {
  const steps: string[] = []
  for (const line of (await readFile(trace, 'utf8')).split('\n')) {
    const [, call = '', args = ''] = /^\d+ +(fsync|link|rename)\w*\((.*)$/.exec(line) ?? []
    const paths = [...args.matchAll(/<(\/[^>]*)>|"(\/[^"]*)"/g)]
      .map(([, open, named]) => basename(open ?? named ?? ''))
      .map((name) => name.replace(/\.[0-9a-f]{12}\.tmp$/, '.tmp').replace(/-[0-9a-f]{16}/, '-KEY'))
    if (paths.some((path) => /\.(json|pem|tmp)$|^data$/.test(path))) {
      steps.push([call === 'fsync' ? 'sync' : call, ...paths].join(' '))
    }
  }
  return steps
}

it.skipIf(!haveTool('strace', ['strace', '--version']))(
  'a key is on disk before its file has its name, and the name before it is used',
  async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const trace = join(directory, 'trace')
    const server = await startServer({
      dataDir: join(directory, 'data'),
      wrapper: [
        ...['strace', '-D', '-f', '-y', '-e', 'signal=none', '-o', trace],
        ...['-e', 'trace=fsync,link,linkat,rename,renameat,renameat2'],
      ],
    })
    const connection = connect(server.ready.grpc, { serverKeys: 'any' })
    const admin = new AdminClient(connection)
    await rotateSealingKey(admin)
    await rotateIdentity(admin, 'announce')
    await rotateIdentity(admin, 'activate')
    connection.close()
    await server.stop()
    const made = (file: string) => [`sync ${file}.tmp`, `link ${file}.tmp ${file}`, 'sync data']
    expect(await stepsOf(trace)).toEqual([
      'sync data', // With the note that a store was made.
      ...made('identity.pem'),
      ...made('sealing-keys.json'),
      'sync sealing-keys.json.tmp',
      'rename sealing-keys.json.tmp sealing-keys.json',
      'sync data',
      ...made('identity-next.pem'),
      ...made('identity-previous-KEY.pem'),
      'rename identity-next.pem identity.pem',
      'sync data',
    ])
  },
)
