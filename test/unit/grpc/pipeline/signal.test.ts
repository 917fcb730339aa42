import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ExportUserRequest } from '#generated/sessiond/v1/admin'
import { SessionOpenRequest, SessionPageRequest } from '#generated/sessions_v1/sessions'
import { exportSubject } from '../../../../src/core/upkeep/subject.js'
import { grpcService } from '../../../../src/grpc/pipeline/pipeline.js'
import { usersMethods } from '../../../../src/grpc/services/admin/users.js'
import { sessionsService } from '../../../../src/grpc/services/sessions.js'
import { LevelStore } from '../../../../src/stores/level/store.js'
import { stopTimers } from '../../../support/clock.js'
import { createService, startTestGrpc } from '../../../support/grpc.js'
import { Observed } from '../../../support/level-engine.js'
import { recordCalls } from '../../../support/observer.js'
import { temporaryDirectory } from '../../../support/process.js'
import { NO_AUDIT, START_MS, sessionsAt } from '../../../support/sessions.js'
import { commandSession, EPOCHS, insert } from '../../../support/store-sessions.js'

/** A list of them is counted briefly first, and then read in a walk that lists share. */
const SESSIONS = 1700
const NOW = { openTimeMs: START_MS, requestTimeMs: START_MS }
const LIST = '/sessions_v1.Sessions/get_sessions'
const OPEN = '/sessions_v1.Sessions/open_session'
const EXPORT = '/sessiond.v1.Admin/ExportUser'

let observed: Observed
let store: LevelStore

beforeAll(async () => {
  const atEnd: (() => Promise<void>)[] = []
  observed = new Observed(await temporaryDirectory((end) => void atEnd.unshift(end as never)))
  store = await LevelStore.over(observed.database, { epochs: EPOCHS, sync: false })
  atEnd.unshift(() => store.close())
  await Promise.all(
    Array.from({ length: SESSIONS }, (_, i) => insert(store, commandSession(`${i}`, NOW))),
  )
  return async () => {
    for (const end of atEnd) {
      await end()
    }
  }
})

/** A promise, and what resolves it. */
function signpost() {
  let reach = () => {}
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  return { reach: () => reach(), reached }
}

/** A server over the store, and calls of it. */
async function serve() {
  const { sessions, expiry } = sessionsAt({ maxDataBytes: 1000 }, store)
  const { observer, ended } = recordCalls()
  const users = usersMethods({
    exportSubject: (userId) => exportSubject(store, expiry.rules, userId),
    countSubject: () => expect.unreachable(),
    eraseSubject: () => expect.unreachable(),
  })
  const server = await startTestGrpc({
    'sessions_v1.Sessions': sessionsService(sessions, { observer }),
    'sessiond.v1.Admin': grpcService('sessiond.v1.Admin', users, { observer, audit: NO_AUDIT }),
  })
  const client = new Client(server.address, credentials.createInsecure())
  onTestFinished(async () => {
    observed.onRead = async () => {}
    client.close()
    await server.close(0)
  })
  const same = (bytes: Buffer) => bytes
  /** A call under way: how it ends, and how to cancel it. */
  const call = (path: string, request: Uint8Array) => {
    const done = signpost()
    let error: ServiceError | null = null
    const under = client.makeUnaryRequest(path, same, same, Buffer.from(request), (failure) => {
      error = failure
      done.reach()
    })
    return {
      cancel: () => under.cancel(),
      code: done.reached.then(() => status[error?.code ?? status.OK]),
    }
  }
  /** Resolves once the server has read all that was sent before. */
  const isHeard = () => call('/grpc.health.v1.Health/Check', Buffer.alloc(0)).code
  const exporting = (userId: string) =>
    client.makeServerStreamRequest(
      EXPORT,
      same,
      same,
      Buffer.from(ExportUserRequest.encode({ userId }).finish()),
    )
  return { server, ended, call, isHeard, exporting }
}

/** Counts reads of the store, the n-th of which waits; `settled` gives how many there were once nothing reads any more. */
function holdAt(n: number) {
  const held = signpost()
  const released = signpost()
  onTestFinished(() => released.reach())
  let reads = 0
  observed.onRead = async () => {
    if (++reads === n) {
      held.reach()
      await released.reached
    }
  }
  const settled = async () => {
    let before: number
    do {
      before = reads
      await sleep(60)
    } while (reads > before)
    return reads
  }
  return { held: held.reached, release: () => released.reach(), settled }
}

const total = SessionPageRequest.encode({
  correlationId: '',
  filter: new Map([
    ['user_id', 'alice'],
    ['active', 'true'],
  ]),
  paging: { skip: 0n, take: 1, total: true },
}).finish()

describe('the signal of a call ends a walk of an index', () => {
  /** How many reads a list takes at least, and the number of one in the middle of its walk. */
  const READS = 10
  const HELD = 5

  it('when the caller cancels', async () => {
    const { call, ended } = await serve()
    const { held, release, settled } = holdAt(HELD)
    const list = call(LIST, total)
    await held
    list.cancel()
    await expect.poll(() => ended).toMatchObject([{ code: 'CANCELLED' }])
    release()
    expect(await settled()).toBeLessThanOrEqual(HELD + 2)
    expect(await list.code).toBe('CANCELLED')
  })

  it('when its deadline passes', async () => {
    const passMs = stopTimers()
    const { server, ended } = await serve()
    const { held, release, settled } = holdAt(HELD)
    // A client of gRPC would end the call itself, when it thinks that the time has come.
    const session = connectHttp2(`http://${server.address}`)
    onTestFinished(() => session.destroy())
    const stream = session.request({
      ':method': 'POST',
      ':path': LIST,
      'content-type': 'application/grpc',
      'grpc-timeout': '1500m',
      te: 'trailers',
    })
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(total.length, 1)
    stream.end(Buffer.concat([prefix, total]))
    const answered = once(stream, 'response')
    await held
    passMs(1501)
    const [headers] = await answered
    expect(headers['grpc-status']).toBe(`${status.DEADLINE_EXCEEDED}`)
    await expect.poll(() => ended).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }])
    release()
    expect(await settled()).toBeLessThanOrEqual(HELD + 2)
  })

  it("when the server's grace ends", async () => {
    const { call, ended, server } = await serve()
    const { held, release, settled } = holdAt(HELD)
    const list = call(LIST, total)
    await held
    expect(await server.close(20)).toBe(1)
    await expect.poll(() => ended).toMatchObject([{ code: 'CANCELLED' }])
    release()
    expect(await settled()).toBeLessThanOrEqual(HELD + 2)
    await list.code
  })

  it('and none that somebody waits for', async () => {
    const { call, isHeard } = await serve()
    const before = holdAt(HELD)
    const first = call(LIST, total)
    await before.held
    // These share the next walk.
    const [left, waiting] = [call(LIST, total), call(LIST, total)]
    await isHeard()
    const { held, release, settled } = holdAt(READS)
    before.release()
    await held
    left.cancel()
    expect(await left.code).toBe('CANCELLED')
    release()
    expect([await first.code, await waiting.code]).toEqual(['OK', 'OK'])
    expect(await settled()).toBeGreaterThanOrEqual(2 * READS - HELD)
  })
})

it('an export that is cancelled reads no further', async () => {
  const { exporting, isHeard } = await serve()
  const { held, release, settled } = holdAt(4)
  const lines = exporting('alice')
    .on('error', () => {})
    .resume()
  await held
  lines.cancel()
  await isHeard()
  release()
  // Of some 20.
  expect(await settled()).toBeLessThan(8)
})

it('a write that was begun goes on, though its caller cancels', async () => {
  const { call, isHeard, ended } = await serve()
  const begun = signpost()
  const released = signpost()
  observed.onWrite = async (write) => {
    begun.reach()
    await released.reached
    await write()
  }
  const open = SessionOpenRequest.encode({
    ...{ correlationId: '', userId: 'bob', userName: '', address: 'a', client: 'c' },
    ...{ user: '', data: '' },
  }).finish()
  const opening = call(OPEN, open)
  await begun.reached
  opening.cancel()
  expect([await opening.code, await isHeard()]).toEqual(['CANCELLED', 'OK'])
  released.reach()
  observed.onWrite = (write) => write()
  await expect.poll(() => ended).toMatchObject([{ code: 'CANCELLED' }])
  expect(await store.findOpened('bob', 'a', 'c')).toMatchObject({ active: true })
})

it('a call makes no signal unless its handler asks for one, and an answered call never aborts it', async () => {
  const signals: AbortSignal[] = []
  const server = await startTestGrpc(
    createService((request, call) => {
      signals.push(call.signal)
      return request
    }),
  )
  const client = new Client(server.address, credentials.createInsecure())
  onTestFinished(async () => {
    client.close()
    await server.close(0)
  })
  const same = (bytes: Buffer) => bytes
  await new Promise((resolve) =>
    client.makeUnaryRequest('/session.Session/Create', same, same, Buffer.of(1), resolve),
  )
  await server.close(0)
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
})
