import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  connect,
  createSession,
  generateKey,
  privateKeyToPem,
  publicKeyOf,
  publicKeyToText,
  SessionsClient,
} from '../../src/client/index.js'
import { sessiond, startServer, temporaryDirectory } from './process.js'

/** A call of a command that prints something and succeeds, as often as it is made. Returns its arguments. */
type Call = () => Promise<string[]> | string[]

/**
 * A server with open sessions, a key, a backup and a file to import; and, for every command that ends by itself or when its
 * output ends, a call that prints. `serve` and `bridge` are left out.
 */
export async function everyCommand(atEnd: (remove: () => Promise<void>) => void) {
  const directory = await temporaryDirectory(atEnd)
  const file = (name: string) => join(directory, name)
  let made = 0
  const newFile = () => file(`new-${made++}`)
  const makeKey = async (name: string) => {
    const key = generateKey('ed25519')
    await writeFile(file(name), privateKeyToPem(key), { mode: 0o600 })
    return key
  }
  const [owner, service] = [await makeKey('owner.key'), await makeKey('service.key')]
  await makeKey('session.key')
  await writeFile(
    file('signers.json'),
    JSON.stringify({ [publicKeyToText(publicKeyOf(service))]: [] }),
  )
  const server = await startServer({
    dataDir: file('data'),
    args: ['--log-level', 'debug', '--signers', file('signers.json')],
  })
  atEnd(() => server.stop().then(() => {}))
  const online = (...args: string[]) => [...args, '--server', server.ready.grpc]

  const connection = connect(server.ready.grpc, { serverKeys: 'any' })
  const sessions = new SessionsClient(connection)
  const open = async (userId: string) => {
    const place = { address: 'here', client: `app ${made++}` }
    return (await sessions.open({ userId, ...place, data: { keptAsIs: 1 } })).id
  }
  atEnd(async () => connection.close())
  await open('stays')
  await writeFile(file('records.json'), '[{"id":"a","user_id":"u","open_time":1700000000}]')
  const ownerKey = ['--key', file('owner.key')]
  const created = async () =>
    (await createSession(connection, { ownerKey: owner, lifetimeMs: 3_600_000 })).id
  // Before any session has a key: restoring needs no sealing keys then, and says nothing of them.
  await sessiond(online('backup', file('sessions.backup')))
  const session = await sessiond(online('create', ...ownerKey, '--json'))
  await writeFile(file('session.json'), session.stdout)
  const issue = ['token', 'issue', '--session', file('session.json'), ...ownerKey, '--verb', 'get']
  const issued = await sessiond(issue)
  await writeFile(file('token'), issued.stdout)
  const own = (...args: string[]) => online('token', ...args, ...ownerKey)
  // For those who watch.
  await sessiond(own('revoke', await created()))
  const restore = (dataDir: string) => ['restore', file('sessions.backup'), '--data-dir', dataDir]
  let restoring: Promise<unknown> | undefined
  /** A data directory with a store that nobody has open. */
  const restored = async () => {
    restoring ??= sessiond(restore(file('restored')))
    await restoring
    const dataDir = newFile()
    await cp(file('restored'), dataDir, { recursive: true })
    return dataDir
  }

  const calls: Record<string, Call> = {
    keygen: () => ['keygen', '--out', newFile()],
    identity: () => ['identity', '--data-dir', file('data')],
    'identity --server': () => online('identity'),
    create: () => online('create', ...ownerKey),
    request: () => ['request', ...ownerKey],
    'token issue': () => issue,
    'token check': () => ['token', 'check', issued.stdout.trim()],
    'token sign': () => own('sign', file('records.json'), '--token', file('token')),
    'token jwt': async () => own('jwt', await created(), '--audience', 'api'),
    'token revoke': async () => own('revoke', await created()),
    'token list': () => own('list'),
    'token watch': () => online('token', 'watch', '--key', file('service.key')),
    'token bind': () => own('bind', '--session-key', file('session.key')),
    'sessions list': () => online('sessions', 'list'),
    'sessions watch': () => ['sessions', 'watch', '--http', new URL(server.ready.http).host],
    'sessions show': async () => online('sessions', 'show', await open('shown')),
    'sessions close': async () => online('sessions', 'close', await open('closed')),
    'sessions close --user': async () => {
      await open('leaves')
      return online('sessions', 'close', '--user', 'leaves')
    },
    'sessions delete': async () => online('sessions', 'delete', await open('deleted')),
    export: () => online('export', '--user', 'stays'),
    erase: async () => {
      await open('erased')
      return online('erase', '--user', 'erased', '--yes')
    },
    status: () => online('status'),
    check: () => online('check'),
    backup: () => online('backup', newFile()),
    'rotate-keys': () => online('rotate-keys', '--reseal'),
    'rotate-keys --identity': () => online('rotate-keys', '--identity', 'announce'),
    clock: () => online('clock'),
    'clock confirm': () => online('clock', 'confirm'),
    restore: () => restore(newFile()),
    repair: async () => ['repair', '--data-dir', await restored(), '--dry-run'],
    migrate: async () => {
      const dataDir = await restored()
      const [from, to] = [`level:${join(dataDir, 'store')}`, `level:${newFile()}`]
      return ['migrate', '--from', from, '--to', to, '--data-dir', dataDir]
    },
    completion: () => ['completion', 'bash'],
    import: () => ['import', file('records.json'), '--data-dir', newFile()],
  }
  return { server, dataDir: file('data'), calls }
}
