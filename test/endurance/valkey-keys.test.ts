import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createClient, createRequest } from '../support/create.js'
import {
  type ServerProcess,
  sessiond,
  spawnServer,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { suiteEnd } from '../support/suite-end.js'
import { type EngineNode, haveValkey, startValkey } from '../support/valkey-cluster.js'

describe.skipIf(!haveValkey())('the keys of servers that share a store', () => {
  let node: EngineNode
  let directory: string
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })
  beforeEach(async () => {
    await node.call('FLUSHALL')
    directory = await temporaryDirectory(onTestFinished)
  })

  const IDENTITY = 'identity.pem'
  const SEALING = 'sealing-keys.json'
  const optionsFor = (name: string, keys: string) => ({
    dataDir: join(directory, name),
    args: [
      ...['--store', `valkey://${node.address}`, '--store-replicas', '0'],
      ...['--identity-key', join(directory, keys, IDENTITY)],
      ...['--sealing-keys', join(directory, keys, SEALING)],
    ],
  })

  /** `keys`: the directory of its key files. */
  async function start(name: string, keys = 'keys'): Promise<ServerProcess> {
    const server = await startServer(optionsFor(name, keys))
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    return server
  }

  /** A server that is refused, and what it says. */
  async function refused(name: string, keys: string): Promise<string> {
    const server = spawnServer(optionsFor(name, keys))
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    const { code, stderr } = await server.exited
    expect(code).toBe(4)
    return stderr
  }

  async function admin(server: ServerProcess, ...args: string[]) {
    const { code, stdout, stderr } = await sessiond([
      ...args,
      '--server',
      server.ready.grpc,
      '--json',
    ])
    return { code, stderr, facts: stdout.startsWith('{') ? JSON.parse(stdout) : stdout }
  }

  async function openAt(server: ServerProcess): Promise<void> {
    const client = createClient(server.ready.grpc)
    await client.create(createRequest())
    client.close()
  }

  it('are the same, or the server that joins is refused and told what differs', async () => {
    await openAt(await start('one'))
    await mkdir(join(directory, 'others'))
    expect(await refused('other', 'others')).toMatch(/identity\.pem is missing; other servers/)
    await sessiond(['keygen', '--out', join(directory, 'others', IDENTITY)])
    await cp(join(directory, 'keys', SEALING), join(directory, 'others', SEALING))
    expect(await refused('other', 'others')).toMatch(/holds the key [0-9a-f]{64}.*sign with/)

    await cp(join(directory, 'keys', IDENTITY), join(directory, 'others', IDENTITY))
    const { current } = JSON.parse(await readFile(join(directory, 'keys', SEALING), 'utf8'))
    const other = Buffer.alloc(32, 1).toString('base64')
    const write = (keys: object) =>
      writeFile(
        join(directory, 'others', SEALING),
        JSON.stringify({ current: Object.keys(keys)[0], keys }),
      )
    await write({ [current]: other })
    expect(await refused('other', 'others')).toContain(`the key ${current}`)
    await write({ mine: other })
    expect(await refused('other', 'others')).toMatch(/none of the keys.*sealed with/)
  })

  it('a server is told at its start which sealing key it lacks', async () => {
    const one = await start('one')
    await openAt(one)
    await cp(join(directory, 'keys'), join(directory, 'earlier'), { recursive: true })
    const { facts } = await admin(one, 'rotate-keys')
    await openAt(one)
    const server = spawnServer(optionsFor('other', 'earlier'))
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    expect(await server.event('sealing-keys-missing')).toMatchObject({ keys: facts.sealing_key })
    await server.event('ready')
  })

  it('change for all servers: what one seals anew the others open, and all seal with', async () => {
    const [one, other] = [await start('one'), await start('other')]
    await openAt(other)
    const { facts } = await admin(one, 'rotate-keys')
    await openAt(one)
    // Each seal is opened.
    expect(await admin(other, 'check')).toMatchObject({ code: 0 })
    expect((await admin(other, 'status')).facts).toMatchObject({ sealing_key: facts.sealing_key })
    expect((await admin(other, 'rotate-keys', '--reseal-only')).facts).toMatchObject({
      ...{ checked: 2, resealed: 1, failed: 0 },
    })
    const text = await readFile(join(directory, 'keys', SEALING), 'utf8')
    const { keys } = JSON.parse(text)
    const only = {
      current: facts.sealing_key,
      keys: { [facts.sealing_key]: keys[facts.sealing_key] },
    }
    await mkdir(join(directory, 'newest'))
    await writeFile(join(directory, 'newest', SEALING), JSON.stringify(only))
    await cp(join(directory, 'keys', IDENTITY), join(directory, 'newest', IDENTITY))
    const last = await start('last', 'newest')
    expect(await admin(last, 'check')).toMatchObject({ code: 0 })
    expect((await last.stop()).stdout).not.toContain('sealing-keys-missing')
  })

  it('an identity is announced and activated on each, with files that they share or that are copied', async () => {
    const [one, other] = [await start('one'), await start('other')]
    await cp(join(directory, 'keys'), join(directory, 'copies'), { recursive: true })
    const third = await start('third', 'copies')
    await openAt(one)
    const rotate = (server: ServerProcess, step: string) =>
      admin(server, 'rotate-keys', '--identity', step)
    const announced = await rotate(one, 'announce')
    const next = announced.facts.next_public_key
    expect((await rotate(other, 'announce')).facts).toEqual(announced.facts)
    const early = await rotate(third, 'announce')
    expect(early.code).not.toBe(0)
    expect(early.stderr).toContain(next)
    const nextFile = 'identity-next.pem'
    await cp(join(directory, 'keys', nextFile), join(directory, 'copies', nextFile))
    expect((await rotate(third, 'announce')).facts).toEqual(announced.facts)

    for (const server of [one, other, third]) {
      expect((await rotate(server, 'activate')).facts).toEqual({
        ...{ public_key: next, next_public_key: null },
      })
    }
    await other.stop()
    await start('other again')
  })
})
