import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connectActs } from '../support/acts.js'
import { startServer, temporaryDirectory } from '../support/process.js'
import { haveValkey, startValkeyCluster } from '../support/valkey-cluster.js'

it.skipIf(!haveValkey())(
  'the user that docs/scaling.md gives to a server may do all that a server does, and no more than that with other keys',
  async () => {
    const page = await readFile(new URL('../../docs/scaling.md', import.meta.url), 'utf8')
    const [, rule = ''] = /^user (sessiond on >THE-PASSWORD .*)$/m.exec(page) ?? []
    const settings = { user: rule }
    const { addresses, nodes } = await startValkeyCluster(onTestFinished, { masters: 1, settings })
    const directory = await temporaryDirectory(onTestFinished)
    const password = join(directory, 'password')
    await writeFile(password, 'THE-PASSWORD\n')
    const server = await startServer({
      dataDir: join(directory, 'data'),
      args: [
        ...['--store', `valkey://sessiond@${addresses}`, '--store-password', password],
        ...['--seneca', 'tcp://127.0.0.1:0'],
      ],
    })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    const acts = await connectActs(server.ready.seneca[0] ?? '')
    onTestFinished(() => acts.close())
    const opened = await acts.act('open_session', { user_id: 'a', address: 'b', client: 'c' })
    const { id: session_id } = opened as { id: string }
    expect(await acts.act('get_sessions', { filter: {} })).toMatchObject({
      data: [{ id: session_id }],
    })
    expect(await acts.act('close_session', { session_id })).toMatchObject({ active: false })
    expect(await server.stop()).toMatchObject({ code: 0 })
    const log = (await nodes[0]?.call('ACL', 'LOG')) as string[][]
    expect(log).toEqual([])
    expect(await nodes[0]?.call('ACL', 'DRYRUN', 'sessiond', 'GET', 'foreign')).toMatch(/no perm/i)
  },
)
