import fc from 'fast-check'
import { expect, it } from 'vitest'
import { StoreDamagedError, StoreUnavailableError } from '../../src/core/errors.js'
import type { SessionStore } from '../../src/core/store.js'
import type { Cluster } from '../../src/stores/valkey/connection/cluster.js'
import type { Reply } from '../../src/stores/valkey/connection/reply.js'
import { ValkeyStore } from '../../src/stores/valkey/store.js'
import { all, KEY, KEYED, KEYED_USER, PLACE } from '../conformance/given.js'
import {
  commandSession,
  EPOCHS,
  insert,
  sessionDeadline,
  tokenSession,
} from '../support/store-sessions.js'

const RUNS = process.env.SESSIOND_TEST_LONG ? 20_000 : 1000
const SHARDS = 2

const anyText = fc.oneof(
  fc.string({ maxLength: 3 }).map((text) => Buffer.from(text)),
  fc.constantFrom('0', '1', '-1', '1e400', 'NaN').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
)
const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyText,
    fc.constantFrom<Reply>(null, 0, 1, -1, 2 ** 53),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
}))

const OPERATIONS: Readonly<Record<string, (store: SessionStore) => Promise<unknown>>> = {
  get: (store) => store.get('1'),
  findOpened: (store) => store.findOpened('alice', PLACE.address, PLACE.client),
  seal: (store) => store.seal('1'),
  'insert blindly': (store) => insert(store, commandSession('1')),
  'insert with all': (store) =>
    insert(
      store,
      tokenSession('1', { userId: KEYED_USER }),
      {
        seal: Uint8Array.of(1),
        sweepAtMs: 5,
        idempotency: { bodySha256: Uint8Array.of(1), expiresTimeMs: 5 },
      },
      { ...KEYED, reuse: PLACE, countOpenOfUser: true },
    ),
  'insert after a look': (store) =>
    store.insert(
      { userId: KEYED_USER, ...KEYED, reuse: PLACE, countOpenOfUser: true, oldest: 2 },
      () => ({ keep: commandSession('1') }),
    ),
  update: (store) => store.update('1', (session) => ({ session, sweepAtMs: 5 })),
  'update and settle': (store) =>
    store.update('1', () => null, { settles: sessionDeadline(1, '1') }),
  remove: (store) => store.remove('1', () => true),
  'list of a user': (store) => store.list({ userId: 'alice', skip: 0, take: 5, total: true }),
  'list of all': (store) => store.list({ skip: 1, take: 5, total: true }),
  'list far away': (store) => store.list({ active: true, skip: 5000, take: 5, total: true }),
  due: (store) => store.due(10, 5),
  settle: (store) =>
    store.settle([sessionDeadline(1, '1'), { kind: 'idempotency', timeMs: 1, scope: KEY }]),
  reseal: (store) => store.reseal('1', () => Uint8Array.of(1)),
  forget: (store) => store.forget(KEY, () => true),
  walkSeals: (store) => all(store.walkSeals()),
  walkSessions: (store) => all(store.walkSessions('alice')),
  walkIdempotency: (store) => all(store.walkIdempotency(KEY.owner)),
  walkDeadlines: (store) => all(store.walkDeadlines()),
  countOpen: (store) => store.countOpen(),
  endings: (store) => store.endings(new Uint8Array(), 10),
}

/** Nothing there, for whoever wants an array, and the end of a walk. */
const EMPTY: Reply = [0, Buffer.from('0'), []]

/** A store whose engine answers `replies` in turn, and then that nothing is there. */
async function storeOver(replies: Reply[]): Promise<SessionStore> {
  const next = async () => replies.shift() ?? EMPTY
  const cluster: Cluster = {
    shards: SHARDS,
    masterOf: () => 'the engine',
    write: async () => replies.shift() ?? 1,
    read: next,
    byMaster: (shards) => [[...shards]],
    // Events are asked for and read in the background.
    readSeveral: (_shards, _name, [kind]) => (kind === 'news' ? Promise.resolve([]) : next()),
    command: async (_, commands) =>
      Promise.all(commands.map(async ([name]) => (name?.includes('RANGE') ? [] : next()))),
    onMasters: async () => new Map(),
    subscribe: () => () => {},
    close: async () => {},
  }
  return ValkeyStore.over(cluster, { epochs: EPOCHS, storeId: new Uint8Array(16) })
}

it.each(Object.entries(OPERATIONS))(
  'whatever the engine answers to %s, the outcome is one of ours, or damage',
  async (_, operation) => {
    const replies: Reply[] = []
    const store = await storeOver(replies)
    await fc.assert(
      fc.asyncProperty(fc.array(anyReply, { minLength: 1, maxLength: 3 }), async (given) => {
        replies.splice(0, Number.POSITIVE_INFINITY, ...given)
        try {
          await operation(store)
        } catch (error) {
          const isOurs =
            error instanceof StoreDamagedError || error instanceof StoreUnavailableError
          expect(isOurs ? '' : error).toBe('')
        }
      }),
      { numRuns: RUNS },
    )
  },
  120_000,
)
