import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { expect, it, onTestFinished } from 'vitest'
import { connect } from '../../../src/client/index.js'
import { Guard, readHttpProof, watchEndings } from '../../../src/guard/index.js'
import type { EndedSession } from '../../../src/tokens/index.js'
import { newOwner } from '../../support/create.js'
import { AUDIENCE, arrived, NOW_MS, signedHttp } from '../../support/guard.js'
import { CONTAINER, EXP, OBJECT, SESSION_ID } from '../../support/tokens.js'
import { startWatchServer } from '../../support/watch-server.js'

const identity = newOwner()
const use = { verb: 'OBJECT_GET', object: { containerId: CONTAINER, objectId: OBJECT } } as const
const ended = (id: string, exp = EXP): EndedSession => ({
  ...{ id, endTimeMs: NOW_MS, reason: 'revoked', exp },
})

/** A guard that watches a server. */
async function watching() {
  const server = await startWatchServer(identity, onTestFinished)
  const connection = connect(server.address, { serverKeys: [identity.publicKey] })
  const clock = { nowMs: NOW_MS }
  const nowMs = () => clock.nowMs
  let onEnded = (_: EndedSession) => {}
  let onWaiting = () => {}
  const endings = watchEndings(connection, newOwner(), {
    ...{ nowMs, onEnded: (one) => onEnded(one), onWaiting: () => onWaiting() },
  })
  onTestFinished(() => {
    endings.close()
    connection.close()
  })
  const guard = new Guard({ audience: AUDIENCE, endings, nowMs })
  const reasonOf = async () => {
    const verdict = guard.check(
      readHttpProof(arrived({ ...(await signedHttp({}, clock.nowMs)) })),
      use,
    )
    return verdict.isGood ? null : verdict.reason
  }
  return {
    ...{ server, connection, endings, guard, clock, reasonOf },
    nextEnding: () => new Promise<EndedSession>((resolve) => (onEnded = resolve)),
    nextWaiting: () => new Promise<void>((resolve) => (onWaiting = resolve)),
  }
}

it('refuses everything until the endings are known, and a session as soon as it has ended', async () => {
  const { server, endings, reasonOf, nextEnding } = await watching()
  const stream = await server.next()
  expect(await reasonOf()).toBe('ENDINGS_STALE')
  stream.send(
    stream.says.message([ended(randomUUID())], { isFull: true, isLast: true, timeMs: NOW_MS }),
  )
  await endings.ready
  expect(await reasonOf()).toBeNull()
  const arrives = nextEnding()
  stream.send(stream.says.message([ended(SESSION_ID)], { timeMs: NOW_MS }))
  expect(await arrives).toEqual(ended(SESSION_ID))
  expect(await reasonOf()).toBe('ENDED')
  expect(endings.size).toBe(2)
})

it('refuses everything once the server has said nothing for too long, until it does again', async () => {
  const { server, endings, reasonOf, clock, nextWaiting } = await watching()
  const stream = await server.next()
  stream.send(stream.says.message([], { isFull: true, isLast: true, timeMs: NOW_MS }))
  await endings.ready
  const interrupted = nextWaiting()
  stream.fail(status.UNAVAILABLE)
  await interrupted
  expect(await reasonOf()).toBeNull()
  clock.nowMs = NOW_MS + 15_001
  expect(await reasonOf()).toBe('ENDINGS_STALE')
  const second = await server.next()
  const caughtUp = nextWaiting()
  second.send(second.says.message([], { isLast: true, timeMs: clock.nowMs }))
  second.end()
  await caughtUp
  expect(await reasonOf()).toBeNull()
})

it('keeps no more than the endings that are not expired', async () => {
  const { server, endings, clock, nextWaiting } = await watching()
  const stream = await server.next()
  const many = (count: number, exp: bigint) =>
    Array.from({ length: count }, () => ended(randomUUID(), exp))
  const soon = BigInt(NOW_MS / 1000 + 1)
  for (let i = 0; i < 16; i++) {
    stream.send(stream.says.message(many(64, soon), { isFull: i === 0 }))
  }
  stream.send(stream.says.message([], { isLast: true, timeMs: NOW_MS }))
  await endings.ready
  expect(endings.size).toBe(1024)
  clock.nowMs = NOW_MS + 3_000
  const done = nextWaiting()
  stream.send(stream.says.message(many(1, EXP), { timeMs: clock.nowMs }))
  stream.end()
  await done
  expect(endings.size).toBe(1)
})

it.each<[string, (set: Awaited<ReturnType<typeof watching>>) => void, object]>([
  ['connection', ({ connection }) => connection.close(), { code: 'CONNECTION_CLOSED' }],
  ['watch', ({ endings }) => endings.close(), { name: 'AbortError' }],
])('lets nobody wait for endings once the %s is closed', async (_, close, error) => {
  const set = await watching()
  await set.server.next()
  close(set)
  await expect(set.endings.ready).rejects.toMatchObject(error)
})
