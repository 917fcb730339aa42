import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SessionChange } from '../../src/core/events.js'
import { ownerOfText, ownerText } from '../../src/core/owner-text.js'
import type { Session } from '../../src/core/session.js'
import type { Deadline, Decision, Seen, SessionStore } from '../../src/core/store.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { auditLevel } from '../support/level-audit.js'
import { MemoryStore } from '../support/memory-store.js'
import { commandSession, EPOCHS, ended, tokenSession } from '../support/store-sessions.js'
import { suiteEnd } from '../support/suite-end.js'
import { auditValkey } from '../support/valkey-audit.js'
import { type EngineNode, haveValkey, startValkey } from '../support/valkey-cluster.js'
import { openValkeyStore } from '../support/valkey-store.js'

/** Owners, by their text. */
const USERS = ['ann', 'bob']
const SEAL = Uint8Array.of(1)
const isLong = Boolean(process.env.SESSIOND_TEST_LONG)
/** How long an idempotency entry is kept. */
const ENTRY_MS = 3
const RUNS = isLong ? 2000 : 25

const anyTime = fc.nat(20)
const anyInsert = fc.record({
  kind: fc.constant('insert' as const),
  userId: fc.constantFrom(...USERS),
  client: fc.constantFrom('browser', 'phone'),
  opener: fc.constantFrom('command', 'create'),
  key: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
  reuses: fc.boolean(),
  counts: fc.boolean(),
  ends: fc.nat(2),
  timeMs: anyTime,
  /** Often when the idempotency entry expires: both may then have one deadline. */
  sweepAtMs: fc.oneof(
    fc.option(anyTime, { nil: undefined }),
    fc.constant('with the entry' as const),
  ),
})
const anyUpdate = fc.record({
  kind: fc.constant('update' as const),
  target: fc.nat(),
  what: fc.constantFrom('touch', 'end', 'reopen', 'nothing'),
  durable: fc.boolean(),
  timeMs: anyTime,
  sweepAtMs: fc.option(anyTime, { nil: undefined }),
})
const anyRemove = fc.record({
  kind: fc.constant('remove' as const),
  target: fc.nat(),
  agrees: fc.boolean(),
})
const anyChange = fc.oneof(
  { weight: 4, arbitrary: anyInsert },
  { weight: 4, arbitrary: anyUpdate },
  { weight: 2, arbitrary: anyRemove },
)
const anySweep = fc.record({
  kind: fc.constant('sweep' as const),
  // Beyond the last lifetime endings are forgotten.
  timeMs: fc.oneof(anyTime, fc.constant(5000)),
  updates: fc.boolean(),
})
/** Changes at once, or a sweep alone: what it settles brings no event that tells its place. */
const anyRound = fc.oneof(
  { weight: 5, arbitrary: fc.array(anyChange, { minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.tuple(anySweep) },
)

type Sweep = typeof anySweep extends fc.Arbitrary<infer T> ? T : never
type Step = (typeof anyChange extends fc.Arbitrary<infer T> ? T : never) | Sweep

/** A UUID, so that tokens can name the session. */
const idOf = (number: number) => `00000000-0000-4000-8000-${`${number}`.padStart(12, '0')}`

/** A session as Create opens it, whose lifetime is over after the second 0 or 1. */
function brief(id: string, parts: Partial<Session>): Session {
  const session = tokenSession(id, parts)
  const exp = BigInt((parts.openTimeMs ?? 0) % 2)
  return {
    ...session,
    token: session.token && { ...session.token, lifetime: { exp, nbf: 0n, iat: 0n } },
  }
}

/** One step with its number, which goes into what it writes and so into its event. */
interface Numbered {
  readonly step: Step
  readonly number: number
}

/** What a step saw before it decided, and what came of it. */
interface Trace {
  saw?: unknown
  result?: unknown
}

async function run(store: SessionStore, { step, number }: Numbered): Promise<Trace> {
  const trace: Trace = {}
  const name = `step ${number}`
  try {
    trace.result = await perform()
  } catch (error) {
    trace.result = (error as Error).message
  }
  return trace

  function perform(): Promise<unknown> {
    switch (step.kind) {
      case 'insert': {
        const { userId, client, key, timeMs } = step
        const sweepAtMs = step.sweepAtMs === 'with the entry' ? timeMs + ENTRY_MS : step.sweepAtMs
        const make = step.opener === 'command' ? commandSession : brief
        const session = make(idOf(number), {
          userId,
          userName: name,
          client,
          openTimeMs: timeMs,
          requestTimeMs: timeMs,
        })
        const owner = ownerOfText(userId) as Uint8Array
        const idempotency = key && { owner, signer: SEAL, key }
        return store.insert(
          {
            userId,
            countOpenOfUser: step.counts,
            oldest: step.ends,
            ...(idempotency && { idempotency }),
            ...(step.reuses && { reuse: { address: session.address, client } }),
          },
          (seen) => {
            trace.saw = { ...seen, openInAll: 0 }
            return decide(seen, session, sweepAtMs)
          },
        )
      }
      case 'update':
        return store.update(
          idOf(step.target % number),
          (current) => {
            trace.saw = current
            const session = changed(current, step.what, step.timeMs)
            const { sweepAtMs } = step
            return session
              ? {
                  session: { ...session, userName: name },
                  ...(sweepAtMs !== undefined && { sweepAtMs }),
                }
              : null
          },
          { durable: step.durable },
        )
      case 'remove':
        return store.remove(
          idOf(step.target % number),
          (current) => {
            trace.saw = current
            return step.agrees
          },
          { removal: { reason: 'erased', timeMs: number } },
        )
      case 'sweep':
        return sweep(store, step)
    }
  }
}

function decide(seen: Seen, session: Session, sweepAtMs: number | undefined): Decision {
  const due = sweepAtMs === undefined ? {} : { sweepAtMs }
  if (seen.idempotency !== undefined) {
    if (seen.idempotency.session === undefined) {
      throw new Error('it was deleted')
    }
    return { keep: seen.idempotency.session }
  }
  if (seen.reusable !== undefined) {
    const { userName, requestTimeMs } = session
    return { replace: { session: { ...seen.reusable, userName, requestTimeMs }, ...due } }
  }
  const { userName, openTimeMs } = session
  return {
    insert: {
      session,
      ...due,
      ...(session.token && { seal: SEAL }),
      idempotency: { bodySha256: SEAL, expiresTimeMs: openTimeMs + ENTRY_MS },
    },
    ends: (seen.oldest ?? []).map((one) => ({
      session: { ...ended(one, openTimeMs), userName },
      ...due,
    })),
  }
}

function changed(current: Session, what: string, timeMs: number): Session | null {
  switch (what) {
    case 'touch':
      return { ...current, requestTimeMs: Math.max(current.requestTimeMs, timeMs) }
    case 'end':
      return ended(current, timeMs + 1)
    case 'reopen':
      // A token session has lost its seal.
      return current.token ? null : { ...current, active: true, closeTimeMs: null, ending: null }
    default:
      return null
  }
}

async function sweep(store: SessionStore, { timeMs, updates }: Sweep): Promise<unknown> {
  const due = inOrder(await store.due(timeMs, 1000))
  for (const deadline of due) {
    if (deadline.kind === 'session' && updates) {
      const next = { sweepAtMs: deadline.timeMs + 10 }
      await store.update(deadline.id, (session) => ({ session, ...next }), { settles: deadline })
    } else {
      await store.settle([deadline])
    }
  }
  return shown(due)
}

/** Without those of entries that fall together with one of a session: they may be one. */
function shown(due: readonly Deadline[]): Deadline[] {
  return due.filter(
    ({ kind, timeMs }) =>
      kind === 'session' ||
      !due.some((other) => other.kind === 'session' && other.timeMs === timeMs),
  )
}

/** Everything that a store shows. */
async function contentOf(store: SessionStore, ids: readonly string[]): Promise<unknown> {
  const queries = [undefined, ...USERS].flatMap((userId) =>
    [undefined, true, false].flatMap((active) => [
      { ...of(userId, active), skip: 0, take: 1000, total: true },
      { ...of(userId, active), skip: 2, take: 3, fromTimeMs: 3, toTimeMs: 15, total: true },
    ]),
  )
  const walks = [undefined, ...USERS].flatMap((userId) =>
    [true, false].map((oldestFirst) => ({
      ...{ ...of(userId, undefined), oldestFirst, limit: 3 },
      after: { requestTimeMs: 10, id: '2' },
    })),
  )
  return {
    pages: await Promise.all(queries.map((query) => store.list(query))),
    parts: await Promise.all(walks.map((query) => store.listAfter(query))),
    sessions: await Promise.all(ids.map((id) => store.get(id))),
    seals: await Promise.all(ids.map((id) => store.seal(id))),
    opened: await Promise.all(
      USERS.map((userId) => store.findOpened(userId, '192.0.2.1', 'browser')),
    ),
    due: shown(inOrder(await store.due(Number.POSITIVE_INFINITY, 1000))),
    open: await store.countOpen(),
    // Those of one round have no order of their own.
    endings: (await store.endings(new Uint8Array(), 1000)).endings.toSorted((a, b) =>
      a.id < b.id ? -1 : 1,
    ),
  }
}

function of(userId: string | undefined, active: boolean | undefined) {
  return { ...(userId !== undefined && { userId }), ...(active !== undefined && { active }) }
}

/** Deadlines at one time have no order of their own. */
function inOrder(deadlines: readonly Deadline[]): Deadline[] {
  const nameOf = (deadline: Deadline) =>
    deadline.kind === 'idempotency'
      ? `key ${ownerText(deadline.scope.owner)} ${deadline.scope.key}`
      : `${deadline.kind} ${deadline.id}`
  return [...deadlines].sort((a, b) => a.timeMs - b.timeMs || (nameOf(a) < nameOf(b) ? -1 : 1))
}

/** Which step made a change: it is named in what it wrote; a deletion in what it returned. */
function authorOf({ before, after }: SessionChange, steps: readonly Numbered[], traces: Trace[]) {
  return steps.find(({ step, number }, i) =>
    after === null
      ? step.kind === 'remove' && (traces[i]?.result as Session | undefined)?.id === before?.id
      : after.userName === `step ${number}`,
  )
}

/** An empty store of a kind. */
interface Tried {
  readonly store: SessionStore
  /** The same store as a new process sees it. */
  reopen(): Promise<SessionStore>
  /** What is wrong with its rows. Called when it is closed. */
  audit(): Promise<readonly string[]>
  dispose(): Promise<void>
}

async function doesWhatTheModelDoes(make: () => Promise<Tried>, rounds: readonly Step[][]) {
  const tried = await make()
  let { store } = tried
  const model = new MemoryStore()
  try {
    const changes: SessionChange[] = []
    const expected: SessionChange[] = []
    store.subscribe((change) => changes.push(change))
    model.subscribe((change) => expected.push(change))
    let count = 0
    for (const round of rounds) {
      const steps: Numbered[] = round.map((step) => ({ step, number: ++count }))
      const from = changes.length
      const traces = await Promise.all(steps.map((step) => run(store, step)))
      if (steps.length === 1) {
        expect(traces).toEqual([await run(model, steps[0] as Numbered)])
      } else {
        // What has no event changed nothing, wherever it came in. An insert may have several.
        const authors = changes.slice(from).map((change) => authorOf(change, steps, traces))
        expect(authors).not.toContain(undefined)
        for (const author of new Set(authors)) {
          const trace = traces[steps.indexOf(author as Numbered)]
          expect(trace).toEqual(await run(model, author as Numbered))
        }
      }
      expect(changes).toEqual(expected)
    }
    const ids = Array.from({ length: count + 1 }, (_, i) => idOf(i))
    const content = await contentOf(model, ids)
    expect(await contentOf(store, ids)).toEqual(content)
    await store.close()
    expect(await tried.audit()).toEqual([])
    store = await tried.reopen()
    expect(await contentOf(store, ids)).toEqual(content)
  } finally {
    await store.close()
    await tried.dispose()
  }
}

async function emptyLevel(): Promise<Tried> {
  const location = await mkdtemp(join(tmpdir(), 'sessiond-'))
  return {
    store: await LevelStore.open(location, { epochs: EPOCHS, sync: false }),
    reopen: () => LevelStore.open(location, { epochs: EPOCHS }),
    audit: () => auditLevel(location),
    dispose: () => rm(location, { recursive: true }),
  }
}

const anyRounds = fc.array(anyRound, { minLength: 1, maxLength: 15 })

it('LevelStore does what the model does, in the order of its events', async () => {
  await fc.assert(
    fc.asyncProperty(anyRounds, (rounds) => doesWhatTheModelDoes(emptyLevel, rounds)),
    { numRuns: RUNS },
  )
}, 600_000)

describe.skipIf(!haveValkey())('with an engine', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })

  async function emptyValkey(): Promise<Tried> {
    await node.call('FLUSHALL')
    return {
      store: await openValkeyStore(node.address),
      reopen: () => openValkeyStore(node.address),
      audit: () => auditValkey(node.address),
      dispose: async () => {},
    }
  }

  it('ValkeyStore does what the model does, in the order of its events', async () => {
    await fc.assert(
      fc.asyncProperty(anyRounds, (rounds) => doesWhatTheModelDoes(emptyValkey, rounds)),
      { numRuns: RUNS },
    )
  }, 600_000)
})
