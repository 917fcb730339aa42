import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  AdminClient,
  connect,
  eraseUser,
  fetchServerKeys,
  SessionsClient,
  TokensClient,
  type WatchEndingsEvent,
} from '../../src/client/index.js'
import { sameBytes } from '../../src/core/bytes.js'
import { ownerText } from '../../src/core/owner-text.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { EndedSessions } from '../../src/tokens/endings.js'
import { createClient, createRequest, newOwner } from '../support/create.js'
import { type ServerProcess, startServer, temporaryDirectory } from '../support/process.js'
import {
  type EngineNode,
  haveValkey,
  startValkeyCluster,
  until,
} from '../support/valkey-cluster.js'

const service = newOwner()
/** The identities of servers, as a checker pins them. */
const trusted: Uint8Array[] = []

async function signersFile(directory: string): Promise<string> {
  const file = join(directory, 'signers.json')
  // It may watch, and have no session sign.
  await writeFile(file, JSON.stringify({ [Buffer.from(service.publicKey).toString('hex')]: [] }))
  return file
}

/** Clients of a server. */
async function clientsOf(server: ServerProcess) {
  const { grpc } = server.ready
  const stranger = connect(grpc, { serverKeys: 'any' })
  onTestFinished(() => stranger.close())
  const serverKeys = await fetchServerKeys(stranger)
  trusted.push(...serverKeys)
  const connection = connect(grpc, { serverKeys })
  onTestFinished(() => connection.close())
  const create = createClient(grpc)
  onTestFinished(() => create.close())
  return {
    tokens: (signer: Signer) => new TokensClient(connection, signer),
    sessions: new SessionsClient(connection),
    admin: new AdminClient(connection),
    /** Opens a session of an hour. */
    async open(signer = newOwner()) {
      const { id } = await create.create(createRequest({ signer }))
      return { id, signer, userId: ownerText(signer.publicKey) }
    },
    /** Watches until all of these are known. */
    async learn(ended: EndedSessions, ids: readonly string[]) {
      const controller = new AbortController()
      const events: WatchEndingsEvent[] = []
      const { signal } = controller
      for await (const event of new TokensClient(connection, service).watch({ ended, signal })) {
        events.push(event)
        if (ended.verifiedAtMs !== null && ids.every((id) => ended.find(id))) {
          controller.abort()
        }
      }
      const endings = events.filter((event) => event.type === 'endings')
      return { isFull: endings.some(({ isFull }) => isFull) }
    },
  }
}

const newEnded = () =>
  new EndedSessions({ trusts: (key) => trusted.some((one) => sameBytes(one, key)) })

describe('endings are told', () => {
  it('whatever ended the session, and after a kill -9 those that were missed', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const start = async () => {
      const server = await startServer({
        dataDir: join(directory, 'data'),
        args: [
          ...['--signers', await signersFile(directory)],
          ...['--max-sessions-per-owner', '2', '--at-limit', 'end-oldest'],
        ],
      })
      onTestFinished(async () => void (await server.stop('SIGKILL')))
      return server
    }
    const server = await start()
    const { tokens, sessions, admin, open, learn } = await clientsOf(server)
    const ended = newEnded()

    const [revoked, closed, deleted] = [await open(), await open(), await open()]
    const [erased, superseded, alive] = [await open(), await open(), await open()]
    await tokens(revoked.signer).revoke(revoked.id)
    await sessions.close(closed.id)
    await sessions.delete(deleted.id)
    await eraseUser(admin, erased.userId)
    await open(superseded.signer)
    await open(superseded.signer)
    const all = [revoked, closed, deleted, erased, superseded].map(({ id }) => id)
    expect(await learn(ended, all)).toEqual({ isFull: true })
    expect(all.map((id) => ended.find(id)?.reason)).toEqual([
      'revoked',
      'closed',
      'deleted',
      'erased',
      'superseded',
    ])
    expect(ended.find(alive.id)).toBeUndefined()

    await sessions.close(alive.id)
    await server.stop('SIGKILL')
    const again = await clientsOf(await start())
    const late = await again.open()
    await again.sessions.close(late.id)
    expect(await again.learn(ended, [alive.id, late.id])).toEqual({ isFull: false })
    // A newcomer is told the same.
    const newcomer = newEnded()
    expect(await again.learn(newcomer, [...all, alive.id, late.id])).toEqual({ isFull: true })
    expect(newcomer.size).toBe(7)
  })

  it('live, to services that the operator names alone', async () => {
    const directory = await temporaryDirectory(onTestFinished)
    const server = await startServer({
      dataDir: join(directory, 'data'),
      args: ['--signers', await signersFile(directory)],
    })
    onTestFinished(async () => void (await server.stop('SIGKILL')))
    const { tokens, sessions, open } = await clientsOf(server)
    const controller = new AbortController()
    const { signal } = controller
    const ended = newEnded()
    const session = await open()
    for await (const event of tokens(service).watch({ ended, signal })) {
      if (ended.verifiedAtMs !== null && ended.find(session.id) === undefined) {
        await sessions.close(session.id)
      } else if (ended.find(session.id) !== undefined) {
        expect(event).toMatchObject({ endings: [{ id: session.id, reason: 'closed' }] })
        controller.abort()
      }
    }
    for await (const event of tokens(newOwner()).watch({ ended: newEnded() })) {
      expect(event).toMatchObject({ type: 'waiting', error: { reason: 'SIGNER_NOT_ALLOWED' } })
      break
    }
  })
})

describe.skipIf(!haveValkey())('endings of a cluster are told', () => {
  it('by each server, and go on at another one, also after a master was lost', async () => {
    const cluster = await startValkeyCluster(onTestFinished)
    const directory = await temporaryDirectory(onTestFinished)
    const signers = await signersFile(directory)
    const start = async (name: string) => {
      const server = await startServer({
        dataDir: join(directory, name),
        args: [
          ...['--store', `valkey://${cluster.addresses}`, '--signers', signers],
          ...['--identity-key', join(directory, 'identity.pem')],
          ...['--sealing-keys', join(directory, 'sealing-keys.json')],
        ],
      })
      onTestFinished(async () => void (await server.stop('SIGKILL')))
      return server
    }
    const first = await start('one')
    const [one, other] = [await clientsOf(first), await clientsOf(await start('other'))]
    const ended = newEnded()

    const opened = await Promise.all(Array.from({ length: 12 }, () => one.open()))
    const [some, more, most] = [opened.slice(0, 4), opened.slice(4, 8), opened.slice(8)]
    const idsOf = (sessions: typeof opened) => sessions.map(({ id }) => id)
    const learning = other.learn(ended, idsOf(some))
    await Promise.all(some.map(({ id }) => one.sessions.close(id)))
    expect(await learning).toEqual({ isFull: true })

    // Missed, while one server and one master die.
    await Promise.all(more.map(({ id, signer }) => one.tokens(signer).revoke(id)))
    await first.stop('SIGKILL')
    const [master, ...others] = cluster.nodes as [EngineNode, ...EngineNode[]]
    expect((await master.info('replication')).role).toBe('master')
    await master.kill()
    await until('its replica has taken over', async () => {
      const roles = await Promise.all(others.map((node) => node.info('replication')))
      return roles.filter(({ role }) => role === 'master').length === 3
    })
    // Somebody must confirm what the new master writes.
    await master.start()
    expect(await other.learn(ended, idsOf(more))).toEqual({ isFull: false })
    for (const { id } of most) {
      // Its master may still be without a successor.
      await until('it is closed', () =>
        other.sessions.close(id).then(
          () => true,
          () => false,
        ),
      )
    }
    expect(await other.learn(ended, idsOf(most))).toEqual({ isFull: false })
    expect(ended.size).toBe(12)
  })
})
