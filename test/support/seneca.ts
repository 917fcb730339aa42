import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Unsent } from '../../src/net/unsent.js'
import type { SenecaListener } from '../../src/seneca/listener.js'
import { recordCalls } from './observer.js'
import { type Limits, sessionsAt } from './sessions.js'

/** The use cases over the reference store, at a time that the test moves. */
export function memorySessions(limits: Partial<Limits> = {}) {
  const { time, store, sessions } = sessionsAt({ maxDataBytes: 32 * 1024, ...limits })
  time.nowMs = Date.UTC(2030, 0, 1)
  return { time, store, sessions }
}

/** A list that is read until its signal aborts. */
export function untilAborted() {
  const reading = {
    isBegun: false,
    list: (_: unknown, signal?: AbortSignal) => {
      reading.isBegun = true
      return new Promise<never>((_, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason)),
      )
    },
  }
  return reading
}

/** Where a listener is. */
export const portOf = ({ address }: Pick<SenecaListener, 'address'>) =>
  Number(new URL(address).port)

/** Hooks that write down what they are told. */
export function hooks() {
  const { observer, ended, internal } = recordCalls()
  const told = { ended, internal, refused: [] as string[], failures: [] as unknown[] }
  return {
    told,
    observer,
    onRefused: (reason: string) => told.refused.push(reason),
    unsent: new Unsent((limit) => told.refused.push(limit)),
    onFailure: (error: unknown) => told.failures.push(error),
  }
}

/** A peer of a TCP listener that sends what it is told to, byte for byte. */
export async function connectPeer(listener: Pick<SenecaListener, 'address'>) {
  const socket = connect(portOf(listener), '127.0.0.1')
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.on('error', () => {})
  await once(socket, 'connect')
  const answers = createInterface(socket)[Symbol.asyncIterator]()
  return {
    socket,
    /** Resolves once the listener has let go of the connection. */
    closed,
    send: (bytes: string | Uint8Array) => socket.write(bytes),
    /** The next answer; undefined where the connection ended instead. */
    async answer(): Promise<Answer | undefined> {
      const { value, done } = await answers.next()
      return done ? undefined : JSON.parse(value)
    },
  }
}

export interface Answer extends Record<string, unknown> {
  readonly id: string
  readonly res?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly status: number }
}

/** One line of the TCP wire that asks for an act. */
export function actLine(act: object, id = 'm/1'): string {
  const message = { id, kind: 'act', origin: 'o', track: ['o'], time: { client_sent: 1 }, act }
  return `${JSON.stringify({ ...message, sync: true })}\n`
}
