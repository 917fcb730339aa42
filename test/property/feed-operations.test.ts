import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Sessions } from '../../src/core/commands/sessions.js'
import type { Session } from '../../src/core/session.js'
import { FeedHub } from '../../src/feed/hub.js'
import { DocumentClient } from '../support/document-client.js'
import { expectedContent, fakeViewer, handTimers } from '../support/feed.js'
import { CALLER, claimAt, sessionsAt } from '../support/sessions.js'

const name = fc.constantFrom(
  'Ada',
  'Bob',
  'a\nreset\n1',
  'c\rd',
  '<img src=x>',
  '🎲👩‍💻',
  '\u202eשלום',
)
const flag = fc.option(fc.boolean(), { nil: undefined })
const date = fc.constantFrom('2019-05-01T10:00:00.000Z', undefined)
const profile = { registration_date: date, is_patron: flag, is_mentor: flag }
const listed = fc.record({
  user_id: fc.constantFrom('1', '2', '3', '4'),
  username: name,
  active: flag,
  ...profile,
})
const data = fc
  .option(
    fc.record({
      session_name: fc.option(name, { nil: undefined }),
      users: fc.option(
        fc.uniqueArray(listed, { maxLength: 4, selector: ({ user_id }) => user_id }),
        { nil: undefined },
      ),
    }),
  )
  .map((value) => JSON.stringify(value))
const user = fc.option(fc.record(profile)).map((value) => JSON.stringify(value))
const userId = fc.constantFrom(...Array.from({ length: 12 }, (_, i) => `user-${i}`))
const place = {
  userId,
  address: fc.constantFrom('a', 'b'),
  client: fc.constantFrom('web', 'app\n'),
}
/** Of a session or of a viewer, counted around those that there are. */
const which = fc.nat(1000)

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      ...place,
      userName: name,
      user,
      data,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      seconds: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('data' as const), which, data }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('user' as const), which, user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('closeOpened' as const), ...place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.integer({ min: 1, max: 20_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), printed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const), which }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('read' as const), which, count: fc.nat(20) }),
  },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** `get_sessions{active: true}`, page after page. */
async function openSessions(sessions: Sessions): Promise<Session[]> {
  const open: Session[] = []
  for (;;) {
    const page = await sessions.list({ active: true, skip: open.length })
    open.push(...page.sessions)
    if (page.sessions.length === 0) {
      return open
    }
  }
}

/** Small buffers, so that lists come in parts and slow viewers are dropped. */
const LIMITS = { highWaterBytes: 2_000, maxUnsentBytes: 20_000 }
const MAX_VIEWERS = 8

async function run(operations: readonly Operation[]) {
  const { create, sessions, store, time } = sessionsAt({
    idleTimeoutMs: 60_000,
    retentionMs: 60_000,
  })
  const timers = handTimers()
  const hub = new FeedHub(store, {
    maxSessions: 1000,
    onError: (error) => expect.fail(`${error}`),
    after: timers.after,
    nowMs: timers.nowMs,
  })
  await hub.load()
  const stalled = fakeViewer(hub, new DocumentClient(), 'commands', LIMITS)
  const join = (client: DocumentClient, printed: boolean) => ({
    printed,
    ...fakeViewer(hub, client, printed ? 'printed' : 'commands', LIMITS),
  })
  const viewers = [join(new DocumentClient(), false), join(new DocumentClient(true), true)]
  const ids: string[] = []
  const known = (n: number) => ids[n % ids.length] ?? 'none'
  const ignoreEnded = (error: { code?: string }) => {
    expect(['NOT_FOUND', 'CONFLICT']).toContain(error.code)
  }
  const steps: { [K in Operation['do']]: (op: Extract<Operation, { do: K }>) => unknown } = {
    open: async ({ do: _, ...args }) => ids.push((await sessions.open(args)).id),
    create: async ({ seconds }) => ids.push((await create(claimAt(time.nowMs, seconds))).id),
    data: (op) => sessions.storeData(known(op.which), op.data).catch(ignoreEnded),
    user: (op) => sessions.updateUser(known(op.which), op.user).catch(ignoreEnded),
    close: (op) => sessions.close(known(op.which), CALLER),
    closeOpened: ({ userId, address, client }) =>
      sessions.closeOpened(userId, address, client, CALLER),
    delete: (op) => sessions.delete(known(op.which), {}, CALLER),
    sweep: () => sessions.closeExpired(),
    wait: ({ ms }) => {
      time.nowMs += ms
    },
    join: ({ printed }) =>
      viewers.length < MAX_VIEWERS && viewers.push(join(new DocumentClient(printed), printed)),
    leave: (op) => {
      const [viewer] = viewers.length > 1 ? viewers.splice(op.which % viewers.length, 1) : []
      viewer?.socket.terminate()
    },
    reconnect: (op) => {
      const i = op.which % viewers.length
      const { socket, client, printed } = viewers[i] as (typeof viewers)[number]
      socket.terminate()
      viewers[i] = join(client, printed)
    },
    turn: () => timers.turn(),
    read: (op) => viewers[op.which % viewers.length]?.read(op.count),
  }
  for (const op of operations) {
    await (steps[op.do] as (op: Operation) => unknown)(op)
    for (const [i, { socket, client, printed }] of viewers.entries()) {
      if (socket.closedWith !== null) {
        viewers[i] = join(client, printed) // It was dropped, and comes again.
      }
    }
  }
  const expected = expectedContent(await openSessions(sessions))
  do {
    for (const { read } of viewers) {
      read()
    }
  } while (timers.turn())
  for (const { client } of viewers) {
    expect(client.problems).toEqual([])
    expect(client.content()).toEqual(expected)
  }
  hub.close()
  return { stalled, open: Object.keys(expected).length }
}

it('viewers who come, go and read at random end with exactly the open sessions', async () => {
  const operations = fc.array(operation, { maxLength: 150, size: 'max' })
  await fc.assert(
    fc.asyncProperty(operations, async (steps) => {
      await run(steps)
    }),
    { numRuns: 60 },
  )
})

it('also after 10,000 operations; who stops reading is dropped, and costs a bounded buffer', async () => {
  const seed = Date.now()
  const { stalled, open } = await run(fc.sample(operation, { numRuns: 10_000, seed })).catch(
    (error) => expect.fail(`with seed ${seed}: ${error.message}`),
  )
  expect(open).toBeGreaterThan(0)
  expect(stalled.told.dropped).toEqual(['it does not keep up'])
  expect(stalled.socket.closedWith).toEqual([1013, 'it does not keep up'])
  expect(stalled.socket.maxBuffered).toBeLessThan(LIMITS.maxUnsentBytes + 2_000)
})
