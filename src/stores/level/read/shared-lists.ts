import { setTimeout as delay } from 'node:timers/promises'
import { Slots } from '../../../core/slots.js'
import type { ListQuery, SessionPage } from '../../../core/store-lists.js'
import { storeError } from '../errors.js'
import { type KeyRange, TALLY_KEY } from '../layout/keys.js'
import { isOfAllOpen, knownTotal, type OnDamaged, pageOf, type ReadMany, tallyOf } from './list.js'
import { merge } from './scan.js'
import type { View } from './view.js'
import { Wanted } from './wanted.js'

/** How long a walk may run before other work runs. */
const TURN_MS = 1
/** A rest lasts this many times as long as the turn before it, */
const REST = 4
/** but not longer than this: a long turn may itself have waited. */
const MAX_REST_MS = 8
/** The rest if nothing else ran during the previous one. */
const IDLE_REST_MS = 1
/** The event loop's utilization above which something else is running. */
const IDLE_UTILIZATION = 0.1

export interface WalkPace {
  /** Waits. Resolves to whether anything else ran meanwhile. */
  readonly rest: (restMs: number) => Promise<boolean>
  readonly nowMs: () => number
}

const REAL_PACE: WalkPace = {
  async rest(restMs) {
    const before = performance.eventLoopUtilization()
    await delay(restMs)
    return performance.eventLoopUtilization(before).utilization > IDLE_UTILIZATION
  },
  nowMs: () => performance.now(),
}

/**
 * Lists that walk far, because of a large `skip` or a `total` of many. One such walk runs at a time, and lists that are
 * asked for meanwhile wait for the next. A walk serves all waiting lists of the same sessions, so no list waits for more
 * than two walks over its sessions. A walk uses about a fifth of the time, so constant lists slow nobody else down.
 */
export class SharedLists {
  /** Waiting lists, by their sessions and then by the rest of the query. */
  private readonly groups = new Map<string, Map<string, Waiting>>()
  private walked: string | null = null
  private readonly turn = new Slots(1)

  /** `onDamaged`: as for `listSessions`. */
  constructor(
    private readonly openView: () => Promise<View>,
    private readonly onDamaged?: OnDamaged,
    private readonly pace = REAL_PACE,
  ) {}

  /** Whether a walk over the same sessions is running or waited for. */
  isWalking(query: ListQuery): boolean {
    const key = sessionsOf(query)
    return this.walked === key || this.groups.has(key)
  }

  /** Throws the signal's reason. A walk for which nobody waits any more ends. */
  list(query: ListQuery, signal?: AbortSignal): Promise<SessionPage> {
    const key = sessionsOf(query)
    const group = this.groups.get(key) ?? new Map<string, Waiting>()
    const { fromTimeMs, toTimeMs, skip, take, total } = query
    const rest = [fromTimeMs, toTimeMs, skip, take, total].join()
    const waiting = group.get(rest) ?? new Waiting(query)
    group.set(rest, waiting)
    if (!this.groups.has(key)) {
      this.groups.set(key, group)
      void this.turn.run(async () => {
        this.groups.delete(key)
        this.walked = key
        await this.answer([...group.values()])
        this.walked = null
      })
    }
    return waiting.join(signal)
  }

  /** Never rejects: errors go to the waiting lists. */
  private async answer(waiting: readonly Waiting[]): Promise<void> {
    try {
      const view = await this.openView()
      try {
        await answerFrom(view, waiting, this.pace, this.onDamaged)
      } finally {
        await view.close()
      }
    } catch (error) {
      for (const { reject } of waiting) {
        reject(error)
      }
    }
  }
}

function sessionsOf({ userId, active }: ListQuery): string {
  return JSON.stringify([userId, active])
}

async function answerFrom(
  view: View,
  waiting: readonly Waiting[],
  pace: WalkPace,
  onDamaged: OnDamaged | undefined,
): Promise<void> {
  const readMany: ReadMany = (keys) => view.values(keys)
  const tally = waiting.some(({ query }) => isOfAllOpen(query))
    ? await tallyOf(async () => (await readMany([TALLY_KEY]))[0])
    : undefined
  const asked = waiting.map(
    (one): Asked => ({ waiting: one, wanted: new Wanted(one.query, knownTotal(one.query, tally)) }),
  )
  await walk(view, asked, pace)
  for (const { waiting, wanted } of asked.filter((one) => !one.waiting.isLeft)) {
    // A damaged record fails only the lists that need it.
    await pageOf(wanted, { readMany }, onDamaged).then(waiting.resolve, (cause) =>
      waiting.reject(storeError('a read failed', cause)),
    )
  }
}

/** A list that waits, and what it wants of the walk. */
interface Asked {
  readonly waiting: Waiting
  readonly wanted: Wanted
}

const isOpen = ({ waiting, wanted }: Asked) => !waiting.isLeft && !wanted.isDone

async function walk(view: View, asked: readonly Asked[], { rest, nowMs }: WalkPace): Promise<void> {
  let open = asked.filter(isOpen)
  const first = open[0]?.wanted
  if (first === undefined) {
    return
  }
  const slices = first.ranges
    .map((_, i) => view.keys(hull(open.map(({ wanted }) => wanted.ranges[i] as KeyRange))))
    .reduce((one, other) => merge(one, other, first.timeOffset))
  let isBusy = true
  let beganAtMs = nowMs()
  for await (const slice of slices) {
    for (const { wanted } of open) {
      wanted.meet(slice)
    }
    open = open.filter(isOpen)
    if (open.length === 0) {
      return
    }
    const tookMs = nowMs() - beganAtMs
    if (tookMs >= TURN_MS) {
      isBusy = await rest(isBusy ? Math.min(REST * tookMs, MAX_REST_MS) : IDLE_REST_MS)
      beganAtMs = nowMs()
    }
  }
}

/** The smallest range that covers all of them. */
function hull(ranges: readonly KeyRange[]): KeyRange {
  return ranges.reduce((one, other) => ({
    gte: one.gte.compare(other.gte) <= 0 ? one.gte : other.gte,
    lt: one.lt.compare(other.lt) >= 0 ? one.lt : other.lt,
  }))
}

/** A list that waits for a walk, and how many callers wait for it. */
class Waiting {
  readonly resolve: (page: SessionPage) => void
  readonly reject: (error: unknown) => void
  private readonly page: Promise<SessionPage>
  private callers = 0

  constructor(readonly query: ListQuery) {
    let settle: [Waiting['resolve'], Waiting['reject']] | undefined
    this.page = new Promise((...both) => {
      settle = both
    })
    ;[this.resolve, this.reject] = settle as NonNullable<typeof settle>
  }

  /** Whether nobody waits any more. */
  get isLeft(): boolean {
    return this.callers === 0
  }

  /** The page, for one caller more. Throws the signal's reason. */
  async join(signal: AbortSignal | undefined): Promise<SessionPage> {
    signal?.throwIfAborted()
    this.callers++
    if (signal === undefined) {
      return this.page
    }
    let leave = () => {}
    const left = new Promise<never>((_, reject) => {
      leave = () => {
        this.callers--
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
    })
    try {
      return await Promise.race([this.page, left])
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }
}
