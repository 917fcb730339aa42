import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { ownerText } from '../../src/core/owner-text.js'
import type { Signer } from '../../src/crypto/ed25519.js'
import { type ActClient, ActError, connectActs } from './acts.js'
import { type Created, createClient, createRequest, epochNow, newOwner, Refused } from './create.js'

/** What a session must be found as: closed ones show no data. */
export type State = { readonly active: boolean; readonly data: string | null } | 'deleted'

/** A session of which something was acknowledged. */
export interface Known {
  readonly id: string
  /** As of the last acknowledgement. */
  certain: State
  /** As it is if the act that was never answered happened all the same. */
  possible: State
}

export interface SentCreate {
  /** Whose session it opens. */
  readonly userId: string
  readonly request: Buffer
  answer?: Created
}

/** Callers of every kind at once, each doing one thing after the other until it fails or is stopped. */
export interface MixedLoad {
  readonly creates: readonly SentCreate[]
  readonly sessions: readonly Known[]
  /** Resolves once so many calls were answered. */
  answered(count: number): Promise<void>
  /** Lets what is under way end, and ends the rest. */
  stop(): Promise<void>
  /** Resolves when every caller has ended, because the server has. */
  readonly ended: Promise<void>
}

export interface MixedLoadOptions {
  readonly grpc: string
  /** `tcp://HOST:PORT` */
  readonly seneca: string
  /** How many of each kind. */
  readonly callers: number
  /** Of what Create opens; default an hour. */
  readonly lifetimeSeconds?: number
  /** Between two calls of a caller; default none. */
  readonly pauseMs?: number
  /** false: what was acknowledged is not written down, for a load without an end. */
  readonly keeps?: boolean
  /** Whether a refusal with this code, or the end of the connection (no code), is to be expected. */
  readonly mayFail: (code: string | undefined) => boolean
}

export async function startMixedLoad(options: MixedLoadOptions): Promise<MixedLoad> {
  const { keeps = true, pauseMs = 0 } = options
  const creates: SentCreate[] = []
  const sessions: Known[] = []
  /** Callers of an earlier load had other users. */
  const run = randomUUID().slice(0, 8)
  let isStopped = false
  let answers = 0
  const waiting: { count: number; resolve: () => void }[] = []
  const wasAnswered = () => {
    answers++
    for (const { count, resolve } of waiting) {
      if (answers >= count) {
        resolve()
      }
    }
  }

  const grpc = createClient(options.grpc)
  const acts = await connectActs(options.seneca)

  async function createOver(signer: Signer): Promise<void> {
    const request = createRequest({
      signer,
      xHeaders: { 'idempotency-key': randomUUID() },
      lifetime: { exp: epochNow() + BigInt(options.lifetimeSeconds ?? 3600) },
    })
    const sent: SentCreate = { userId: ownerText(signer.publicKey), request }
    if (keeps) {
      creates.push(sent)
    }
    sent.answer = await grpc.create(request)
    wasAnswered()
  }

  /** Does something to a session, and writes down what it becomes. */
  async function change(known: Known, to: State, act: () => Promise<unknown>): Promise<void> {
    known.possible = to
    await act()
    known.certain = to
    wasAnswered()
  }

  async function open(act: () => Promise<unknown>): Promise<Known> {
    const { id } = (await act()) as { id: string }
    const state = { active: true, data: null }
    const known: Known = { id, certain: state, possible: state }
    if (keeps) {
      sessions.push(known)
    }
    wasAnswered()
    return known
  }

  async function newerDialect(client: ActClient, userId: string, n: number): Promise<void> {
    const place = { user_id: userId, address: `a${n}`, client: 'newer' }
    const known = await open(() => client.act('open_session', place))
    const { id: session_id } = known
    for (const data of [{ n }, { n, again: 'é'.repeat(n % 50) }]) {
      const args = { session_id, data }
      await change(known, { active: true, data: JSON.stringify(data) }, () =>
        client.act('store_session_data', args),
      )
    }
    await client.act('update_session_user', { session_id, user: { n } })
    if (n % 3 === 0) {
      await change(known, { active: false, data: null }, () =>
        client.act('close_session', { session_id }),
      )
    } else if (n % 3 === 1) {
      await change(known, 'deleted', () => client.act('delete_session_by_id', { session_id }))
    }
  }

  async function olderDialect(client: ActClient, userId: string, n: number): Promise<void> {
    const place = { address: `a${n}`, client: 'older' }
    const user = { id: userId, name: 'Older' }
    const known = await open(() => client.act('open_session', { user, ...place }))
    const data = { n, older: true }
    await change(known, { active: true, data: JSON.stringify(data) }, () =>
      client.act('store_session_data', { user_id: userId, session_id: known.id, data }),
    )
    await client.act('load_session', { user_id: userId, session_id: known.id })
    if (n % 2 === 0) {
      await change(known, { active: false, data: null }, () =>
        client.act('close_session', { user_id: userId, ...place }),
      )
    }
  }

  async function repeat(task: (n: number) => Promise<void>): Promise<void> {
    for (let n = 0; !isStopped; n++) {
      try {
        await task(n)
        if (pauseMs > 0) {
          await pause(pauseMs)
        }
      } catch (error) {
        const code =
          error instanceof Refused
            ? error.reason
            : error instanceof ActError
              ? error.code
              : undefined
        if (!options.mayFail(code)) {
          throw error
        }
        if (code === undefined) {
          return // The server is gone.
        }
      }
    }
  }

  const callers = Array.from({ length: options.callers }).flatMap((_, i) => {
    const signer = newOwner()
    return [
      repeat(() => createOver(signer)),
      repeat((n) => newerDialect(acts, `${run} newer ${i} ${n % 7}`, n)),
      repeat((n) => olderDialect(acts, `${run} older ${i} ${n % 7}`, n)),
    ]
  })
  const ended = Promise.all(callers).then(() => {
    grpc.close()
    acts.close()
  })
  return {
    creates,
    sessions,
    ended,
    answered: (count) =>
      Promise.race([
        new Promise<void>((resolve) => waiting.push({ count: answers + count, resolve })),
        ended.then(() => {
          throw new Error('the load ended before')
        }),
      ]),
    stop() {
      isStopped = true
      return ended
    },
  }
}

/** Whether what is found of a session is what was acknowledged, or what was asked for last. */
export function isKept({ certain, possible }: Known, found: State): boolean {
  return [certain, possible].some((state) => JSON.stringify(state) === JSON.stringify(found))
}
