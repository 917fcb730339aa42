import { messages } from '#generated/fields'
import { WatchResponse_Body } from '#generated/sessiond/v1/tokens'
import { ServerUnavailableError } from '../../core/errors.js'
import { watchMethod } from '../../envelope/tokens.js'
import { encodeFields } from '../../envelope/wire.js'
import { type After, sleep, startTimer } from '../../net/timers.js'
import { EndedSessions } from '../../tokens/endings.js'
import type { TokenSigner } from '../../tokens/issue.js'
import type { EndedSession } from '../../tokens/watch-message.js'
import { callServerStream } from '../connection/call.js'
import type { Connection } from '../connection/connect.js'
import { explain } from '../connection/explain.js'
import { fullPolicy } from '../connection/retry.js'
import { ConnectionClosedError, UntrustedResponseError } from '../errors.js'
import { epochAt } from '../request.js'
import { isPinned } from '../trusted.js'
import { ask } from './signed-call.js'

const WATCH = { name: 'Watch', method: watchMethod, answer: WatchResponse_Body }
const PATH = '/sessiond.v1.Tokens/Watch'
const SERVICE = { name: 'sessiond.v1.Tokens', isForOperators: false }
const CURSOR = messages['sessiond.v1.WatchRequest.Body'].cursor.number
/** A server says something every 5 s. */
const MAX_SILENCE_MS = 12_000
const { firstDelayMs, maxDelayMs } = fullPolicy({})

/** Where to keep what is told, and when to stop. */
export interface WatchEndingsOptions {
  /** Default: one that trusts the connection's pinned keys. Keep it, to go on where an earlier watch stopped. */
  readonly ended?: EndedSessions
  /** Ends the watch. */
  readonly signal?: AbortSignal
}

/** What happens while endings are watched. */
export type WatchEndingsEvent =
  /** Verified. Empty `endings`: a heartbeat. `isFull`: all unexpired endings begin here. Instants: Unix milliseconds. */
  | {
      readonly type: 'endings'
      readonly endings: readonly EndedSession[]
      readonly isFull: boolean
      /** Every ending that was acknowledged before is known. null: the first list is not complete yet. */
      readonly verifiedAtMs: number | null
    }
  /** The stream broke off (ServerUnavailableError), was refused, or cannot be trusted. It begins again from what is known, after a while. */
  | { readonly type: 'waiting'; readonly error: unknown; readonly retryDelayMs: number }

/** As `TokensClient.watch`. */
export async function* watchStream(
  connection: Connection,
  signer: TokenSigner,
  { ended = endedSessionsOf(connection), signal }: WatchEndingsOptions,
  after: After = startTimer,
): AsyncGenerator<WatchEndingsEvent, void> {
  let ceilingMs = firstDelayMs
  while (!signal?.aborted) {
    let error: unknown
    let heard = 0
    try {
      for await (const event of oneStream(connection, signer, ended, signal, after)) {
        // Not for the first: it may be all that ever comes, each time.
        if (++heard > 1) {
          ceilingMs = firstDelayMs
        }
        yield event
      }
      error = new ServerUnavailableError(connection.address, 'ended the stream')
    } catch (thrown) {
      error = explain(thrown, connection.address, SERVICE)
    }
    if (error instanceof ConnectionClosedError) {
      throw error
    }
    if (signal?.aborted) {
      return
    }
    const retryDelayMs = Math.random() * ceilingMs
    ceilingMs = Math.min(2 * ceilingMs, maxDelayMs)
    yield { type: 'waiting', error, retryDelayMs }
    await sleep(retryDelayMs, signal).catch(() => {})
  }
}

/** One stream, from the cursor until it breaks. Throws as `callServerStream` does, and UntrustedResponseError. */
async function* oneStream(
  { client, address, epochs }: Connection,
  signer: TokenSigner,
  ended: EndedSessions,
  signal: AbortSignal | undefined,
  after: After,
): AsyncGenerator<WatchEndingsEvent, void> {
  const cursor = encodeFields([CURSOR, ended.cursor])
  const asked = await ask(WATCH, cursor, signer, epochs)
  const stream = ended.stream(asked.digest)
  const silence = new AbortController()
  const onSilence = () =>
    silence.abort(new ServerUnavailableError(address, `said nothing for ${MAX_SILENCE_MS} ms`))
  let cancel = after(MAX_SILENCE_MS, onSilence)
  const ends = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal])
  try {
    for await (const message of callServerStream(client, PATH, asked.bytes, ends)) {
      cancel()
      const verdict = stream.accept(message)
      if (!verdict.isGood) {
        throw new UntrustedResponseError(`${verdict.reason}: ${verdict.message}`)
      }
      const { endings, isFull } = verdict
      yield { type: 'endings', endings, isFull, verifiedAtMs: ended.verifiedAtMs }
      // Not while the reader takes its time.
      cancel = after(MAX_SILENCE_MS, onSilence)
    }
  } finally {
    cancel()
  }
}

/** What keeps the endings that a pinned server of this connection tells. */
export function endedSessionsOf(
  { serverKeys, epochs }: Connection,
  nowMs: () => number = Date.now,
): EndedSessions {
  return new EndedSessions({
    trusts: (key) => isPinned(key, serverKeys),
    epoch: () => epochAt(nowMs(), epochs),
    nowMs,
  })
}
