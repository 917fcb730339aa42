import { setTimeout as sleep } from 'node:timers/promises'
import type { ActClient } from './acts.js'
import { isLinearizable, type Operation } from './linearizable.js'
import { History, type Input, type Output, PLACE } from './place-history.js'
import { until } from './valkey-cluster.js'

/** Then the callers go on at another place: long histories take long to check. */
const OPERATIONS = 40
/** Then too: each doubles what there is to check. */
const MOST_UNANSWERED = 6
/** How long a caller rests whose call got no answer, so that few calls of a history have an open end. */
const REST_MS = 100

/** A read without an answer changed nothing, and says nothing. */
const hasEffect = ({ input, output }: Operation<Input, Output>) =>
  input.cmd !== 'get' || output !== undefined

/** Callers that do everything to the session at one place of one user, each time through any of the servers. */
export interface Contention {
  /** Resolves once so many calls were made. */
  called(count: number): Promise<void>
  /** Ends it, and returns what has no order that explains it. */
  stop(): Promise<readonly History[]>
}

interface Place {
  readonly address: string
  readonly history: History
  unanswered: number
  /** What callers were told last. */
  lastId: string | undefined
}

/** `callers`: at most a dozen, so that histories can be checked. */
export function startContention(
  acts: readonly ActClient[],
  userId: string,
  callers: number,
): Contention {
  const places: Place[] = []
  let isStopped = false
  let stored = 0
  const next = (): Place => {
    const address = `place ${places.length}`
    const place = { address, history: new History(), unanswered: 0, lastId: undefined }
    places.push(place)
    return place
  }
  const current = (): Place => {
    const last = places.at(-1)
    const isFull =
      last === undefined ||
      last.history.operations.length >= OPERATIONS ||
      last.unanswered >= MOST_UNANSWERED
    return isFull ? next() : last
  }

  async function one(): Promise<void> {
    const place = current()
    const { client, cmd, args, input, read } = callOf(place, () => ++stored)
    const act = async () => read(await client.act(cmd, args))
    const output = await place.history.record(input, act)
    if (output === undefined) {
      place.unanswered++
      await sleep(REST_MS)
    } else if (input.cmd === 'open') {
      place.lastId = (output as { id: string }).id
    }
  }

  function callOf({ address, lastId }: Place, number: () => number) {
    const client = acts[Math.floor(Math.random() * acts.length)] as ActClient
    const chance = Math.random()
    if (lastId === undefined || chance < 0.4) {
      const args = { user_id: userId, address, client: 'contended' }
      const read = (answer: unknown): Output => ({ id: (answer as { id: string }).id })
      return { client, cmd: 'open_session', args, input: { cmd: 'open' } as Input, read }
    }
    const done = (): Output => 'done'
    const of = { session_id: lastId }
    if (chance < 0.6) {
      const input: Input = { cmd: 'close', id: lastId }
      return { client, cmd: 'close_session', args: of, input, read: done }
    }
    if (chance < 0.8) {
      const data = number()
      const input: Input = { cmd: 'store', id: lastId, data }
      return { client, cmd: 'store_session_data', args: { ...of, data }, input, read: done }
    }
    const read = (answer: unknown): Output => {
      const { active, data } = answer as { active: boolean; data: number | null }
      return active ? { data: data ?? null } : 'ended'
    }
    return {
      client,
      cmd: 'get_session_by_id',
      args: of,
      input: { cmd: 'get', id: lastId } as Input,
      read,
    }
  }

  const running = Array.from({ length: callers }, async () => {
    while (!isStopped) {
      await one()
    }
  })
  return {
    async called(count) {
      const calls = () => places.reduce((sum, { history }) => sum + history.operations.length, 0)
      await until('callers have called', async () => calls() >= count)
    },
    async stop() {
      isStopped = true
      await Promise.all(running)
      return places
        .map(({ history }) => history)
        .filter(({ operations }) => !isLinearizable(operations.filter(hasEffect), PLACE))
    },
  }
}
