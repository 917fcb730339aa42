import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ownerText } from '../../src/core/owner-text.js'
import { createClient, createRequest, newOwner } from '../support/create.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'
import { suiteEnd } from '../support/suite-end.js'
import { type EngineCluster, haveValkey, startValkeyCluster } from '../support/valkey-cluster.js'

describe.skipIf(!haveValkey())('operators of servers that share a cluster', () => {
  let cluster: EngineCluster
  let directory: string
  let one: ServerProcess
  let other: ServerProcess
  const atEnd = suiteEnd()
  const store = () => ['--store', `valkey://${cluster.addresses}`]
  const keys = () => [
    ...['--identity-key', join(directory, 'identity.pem')],
    ...['--sealing-keys', join(directory, 'sealing-keys.json')],
  ]

  beforeAll(async () => {
    cluster = await startValkeyCluster(atEnd)
    directory = await temporaryDirectory(atEnd)
    const start = async (name: string) => {
      const dataDir = join(directory, name)
      const server = await startServer({ dataDir, args: [...store(), ...keys()] })
      atEnd(() => server.stop('SIGKILL'))
      return server
    }
    one = await start('one')
    other = await start('other')
  })

  const at = (server: ServerProcess, ...args: string[]) =>
    sessiond([...args, '--server', server.ready.grpc])

  async function openFor(server: ServerProcess) {
    const signer = newOwner()
    const client = createClient(server.ready.grpc)
    onTestFinished(() => client.close())
    const request = createRequest({ signer, xHeaders: { 'idempotency-key': 'once' } })
    const { id } = await client.create(request)
    return { id, userId: ownerText(signer.publicKey) }
  }

  it('export and erase at one server what was opened at another', async () => {
    const { id, userId } = await openFor(one)
    const exported = await at(other, 'export', '--user', userId)
    const lines = exported.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toEqual([
      expect.objectContaining({ kind: 'session', id }),
      expect.objectContaining({ kind: 'idempotency_key' }),
    ])
    const erased = await at(other, 'erase', '--user', userId, '--yes', '--json')
    expect(JSON.parse(erased.stdout)).toEqual({ sessions: 1, idempotency_keys: 1 })
    expect(await at(one, 'export', '--user', userId)).toMatchObject({ code: 7 })
  })

  it('back up from one, check from another or without any, and see the status of both', async () => {
    await openFor(one)
    await openFor(other)
    const file = join(directory, 'all.backup')
    const { code, stdout } = await at(other, 'backup', file, '--json')
    expect([code, JSON.parse(stdout).sessions]).toEqual([0, 2])
    expect(await at(one, 'check')).toMatchObject({ code: 0 })
    const offline = ['check', '--data-dir', directory, ...store(), ...keys().slice(2)]
    expect(await sessiond(offline)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/no problem/),
    })
    for (const server of [one, other]) {
      const status = JSON.parse((await at(server, 'status', '--json')).stdout)
      expect(status).toMatchObject({ open_sessions: 2, store_writable: true })
    }
    const restored = join(directory, 'restored')
    expect(
      await sessiond(['restore', file, '--data-dir', restored, ...keys().slice(2)]),
    ).toMatchObject({
      ...{ code: 0, stderr: '' },
    })
    expect(await sessiond(['check', '--data-dir', restored, ...keys().slice(2)])).toMatchObject({
      code: 0,
    })
  })

  it('import sessions while servers serve', async () => {
    const file = join(directory, 'records.json')
    const opened = Math.floor(Date.now() / 1000)
    await writeFile(file, JSON.stringify([{ id: 'imported', user_id: 'ann', open_time: opened }]))
    const args = ['import', file, '--data-dir', directory, ...store(), ...keys()]
    expect(await sessiond(args)).toMatchObject({ code: 0 })
    const shown = await at(one, 'sessions', 'show', 'imported', '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({ id: 'imported', user_id: 'ann' })
    expect(await at(other, 'check')).toMatchObject({ code: 0 })
  })

  it('are told that this kind of store has no repair', async () => {
    const repair = await sessiond([
      'repair',
      '--data-dir',
      directory,
      ...store(),
      ...keys().slice(2),
    ])
    expect(repair).toMatchObject({ code: 2, stderr: expect.stringMatching(/has no `repair`/) })
  })
})
