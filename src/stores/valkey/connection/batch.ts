import type { Pipeline } from './connection.js'
import { encode } from './encode.js'
import { EngineError, type Reply } from './reply.js'

/** A command on its way to a node. */
export interface Call {
  readonly request: Buffer
  /** The channel on which other servers are told of it. */
  readonly channel: string | undefined
  /** It follows an ASK: the node takes it although the slot is not its own yet. */
  isAsking: boolean
  /** Of `performance.now`. */
  readonly deadlineAtMs: number
  /** Nothing is wrong where it is executed more than once. */
  readonly mayRepeat: boolean
  /** How often a node was given it. */
  turn: number
  /** It was handed to the system: from now on it may have been executed. */
  wasSent: boolean
  /** The node is done with it. Set before `onReply` and `onLost`. */
  isDone: boolean
  /** The reply; of a write, once enough replicas have it. */
  onReply(reply: Reply | EngineError): void
  /** There will be no reply. */
  onLost(reason: Error): void
}

/** A call as it was sent: by the time of the reply, it may have been given to another node. */
interface Sent {
  readonly call: Call
  readonly turn: number
}

/** What makes sure that replicas have the writes before it. */
export interface Wait {
  readonly request: Buffer
  readonly replicas: number
}

/** What is told of the calls that went to a node together. Times in milliseconds. */
export interface TrafficHooks {
  /** They were answered. `waitMs`: how much longer it took until replicas had what they wrote. */
  readonly onRoundTrip?: (durationMs: number, waitMs?: number) => void
  /** So many writes are durable. */
  readonly onCommit?: (durationMs: number, writes: number) => void
  /** A call is sent again. */
  readonly onRetry?: () => void
}

/*
 * What servers tell one another: all channels on which something happened, in one message on one of them. To tell each
 * channel would take the engine longer than some writes.
 */

/** The message on a channel. `others`: channels that have the same master. */
function messageOf(sender: string, others: readonly string[]): string {
  return [sender, ...others].join(' ')
}

/** Who sent a message, and the channels that it is for. */
export function readMessage(
  channel: string,
  message: string,
): { readonly sender: string; readonly channels: readonly string[] } {
  const [sender = '', ...others] = message.split(' ')
  return { sender, channels: [channel, ...others] }
}

const ASKING = encode(['ASKING'])

/** Calls that go to a node in one write; behind those that write, one message for other servers, and one WAIT, for all. */
export class Batch implements Pipeline {
  readonly requests: Buffer[] = []
  /** Whose reply comes at each place; null: nobody's, or it has come and the call has gone on. */
  private readonly owners: (Sent | null)[] = []
  private readonly sentAtMs = performance.now()
  private answeredAtMs = this.sentAtMs
  private readonly written: { readonly sent: Sent; readonly reply: Reply }[] = []

  constructor(
    calls: readonly Call[],
    /** Null for calls that only read. */
    private readonly wait: Wait | null,
    private readonly events: {
      /** The call has its outcome, and is about to hear of it. */
      onDone(call: Call): void
      /** The connection is free again. */
      onEnd(): void
    },
    private readonly traffic: TrafficHooks = {},
    /** Who tells others of the calls. */
    sender = '',
  ) {
    const channels = new Set<string>()
    for (const call of calls) {
      call.wasSent = true
      if (call.isAsking) {
        this.requests.push(ASKING)
        this.owners.push(null)
      }
      this.requests.push(call.request)
      this.owners.push({ call, turn: call.turn })
      // Of a slot that is not the node's own yet, nobody listens there.
      if (call.channel !== undefined && !call.isAsking) {
        channels.add(call.channel)
      }
    }
    const [channel, ...others] = channels
    if (channel !== undefined) {
      this.requests.push(encode(['SPUBLISH', channel, messageOf(sender, others)]))
      this.owners.push(null)
    }
    if (wait !== null) {
      this.requests.push(wait.request)
    }
  }

  onReply(reply: Reply | EngineError, index: number): void {
    const sent = this.owners[index]
    if (index === this.owners.length - 1) {
      this.answeredAtMs = performance.now()
    }
    if (sent === undefined) {
      this.acknowledge(reply)
    } else if (isWaiting(sent)) {
      this.settle(sent, reply, index)
    }
    if (index === this.requests.length - 1) {
      const waitMs = this.wait === null ? [] : [performance.now() - this.answeredAtMs]
      this.traffic.onRoundTrip?.(this.answeredAtMs - this.sentAtMs, ...waitMs)
      this.events.onEnd()
    }
  }

  private settle(sent: Sent, reply: Reply | EngineError, index: number): void {
    // What was refused has written nothing that a replica could have.
    if (this.wait === null || reply instanceof EngineError) {
      this.owners[index] = null
      this.events.onDone(sent.call)
      sent.call.onReply(reply)
    } else {
      this.written.push({ sent, reply })
    }
  }

  private acknowledge(replicas: Reply | EngineError): void {
    const wanted = this.wait?.replicas ?? 0
    const isEnough = typeof replicas === 'number' && replicas >= wanted
    if (isEnough && this.written.length > 0) {
      this.traffic.onCommit?.(performance.now() - this.sentAtMs, this.written.length)
    }
    // What the engine answers instead of a number is not for callers.
    const received = typeof replicas === 'number' ? replicas : 'it is not known how many'
    for (const { sent, reply } of this.written) {
      if (!isWaiting(sent)) {
        continue
      }
      const { call } = sent
      this.events.onDone(call)
      if (isEnough) {
        call.onReply(reply)
      } else {
        call.onLost(
          new Error(`too few replicas received the write in time: ${received} of ${wanted}`),
        )
      }
    }
  }

  onLost(reason: Error): void {
    for (const sent of this.owners) {
      if (isWaiting(sent)) {
        this.events.onDone(sent.call)
        sent.call.onLost(reason)
      }
    }
  }
}

/** Whether a call still waits for the reply that it was sent for. */
function isWaiting(sent: Sent | null): sent is Sent {
  return sent !== null && !sent.call.isDone && sent.call.turn === sent.turn
}
