import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { StoreDamagedError, StoreUnavailableError } from '../../../../src/core/errors.js'
import { LevelStore } from '../../../../src/stores/level/store.js'
import { fillStore, PORTS } from '../../../support/care.js'
import { collect } from '../../../support/damage.js'
import { Observed } from '../../../support/level-engine.js'
import { temporaryDirectory } from '../../../support/process.js'
import { commandSession, EPOCHS } from '../../../support/store-sessions.js'

const KEY = { owner: Uint8Array.of(1), signer: Uint8Array.of(2), key: 'token-1' }
const page = { skip: 0, take: 10 }

/** Every operation of a store that reads. */
const OPERATIONS: Readonly<Record<string, (store: LevelStore) => Promise<unknown>>> = {
  get: (store) => store.get('alice'),
  findOpened: (store) => store.findOpened('alice', '192.0.2.1', 'browser'),
  seal: (store) => store.seal('token-1'),
  'insert that counts': (store) =>
    store.insert({ userId: 'alice', countOpenOfUser: true }, () => expect.unreachable()),
  'insert with an idempotency key': (store) =>
    store.insert({ userId: 'a', countOpenOfUser: false, idempotency: KEY }, () =>
      expect.unreachable(),
    ),
  'insert that may reuse': (store) =>
    store.insert(
      {
        userId: 'alice',
        countOpenOfUser: false,
        reuse: { address: '192.0.2.1', client: 'browser' },
      },
      () => expect.unreachable(),
    ),
  'insert of a command': (store) =>
    store.insert({ userId: 'alice', countOpenOfUser: false }, () => ({
      insert: { session: commandSession('new') },
    })),
  update: (store) => store.update('alice', () => null),
  remove: (store) => store.remove('alice', () => true),
  list: (store) => store.list({ ...page, total: false }),
  'list with its total': (store) => store.list({ ...page, total: true }),
  'list far down': (store) => store.list({ skip: 1e6, take: 1, total: false }),
  due: (store) => store.due(Number.MAX_SAFE_INTEGER, 10),
  'settle of an idempotency key': (store) =>
    store.settle([{ kind: 'idempotency', timeMs: 5, scope: KEY }]),
  reseal: (store) => store.reseal('token-1', () => null),
  forget: (store) => store.forget(KEY, () => true),
  walkSeals: (store) => collect(store.walkSeals()),
  walkSessions: (store) => collect(store.walkSessions('alice')),
  'walkSessions past what is damaged': (store) =>
    collect(store.walkSessions('alice', true, () => expect.unreachable())),
  walkIdempotency: (store) => collect(store.walkIdempotency(KEY.owner)),
  walkDeadlines: (store) => collect(store.walkDeadlines()),
  backup: (store) => collect(store.backup(0)),
  check: (store) => collect(store.check(PORTS)),
}

const levelError = (code: string, message: string) => Object.assign(new Error(message), { code })

/** What LevelDB may say, and what a caller is told of it. */
const FAILURES: readonly (readonly [string, Error, (told: unknown) => void])[] = [
  [
    'that LevelDB finds corrupt is damage',
    levelError('LEVEL_CORRUPTION', 'Corruption: block checksum mismatch: /data/store/000005.ldb'),
    (told) => expect(told).toBeInstanceOf(StoreDamagedError),
  ],
  [
    'of a file that is gone is damage',
    levelError('LEVEL_IO_ERROR', 'IO error: /data/store/000005.ldb: No such file or directory'),
    (told) => expect(told).toBeInstanceOf(StoreDamagedError),
  ],
  [
    'that the system refuses may be tried again, and names the file',
    levelError('LEVEL_IO_ERROR', 'IO error: /data/store/000005.ldb: Input/output error'),
    (told) => {
      expect(told).toBeInstanceOf(StoreUnavailableError)
      expect(told).toMatchObject({ message: expect.stringMatching(/: 000005\.ldb: Input/) })
    },
  ],
  [
    'with a fault of ours in it is neither, and stays as it is',
    new TypeError('undefined is not a function'),
    (told) => expect(told).toBeInstanceOf(TypeError),
  ],
]

it.each(FAILURES)('a read %s, whatever the operation', async (_, failure, expectTold) => {
  const location = join(await temporaryDirectory(onTestFinished), 'store')
  await fillStore(location)
  const observed = new Observed(location)
  const store = await LevelStore.over(observed.database, { epochs: EPOCHS, sync: false })
  onTestFinished(() => store.close())
  const told: Record<string, unknown> = {}
  observed.failure = failure
  for (const [name, run] of Object.entries(OPERATIONS)) {
    told[name] = await run(store).then(
      () => null,
      (error: unknown) => error,
    )
  }
  for (const [name, error] of Object.entries(told)) {
    expectTold(error ?? `${name} told of nothing`)
  }
})
