import type { Call } from './batch.js'
import type { EngineNode } from './node.js'
import { EngineError, type Reply } from './reply.js'

/** What may wait for one master: beyond it calls are refused at once. */
const MAX_CALLS = 10_000
const MAX_CALL_BYTES = 64 * 1024 * 1024

/**
 * A read may be sent more than once. A write ends once replicas have it; one that is `unconfirmed` once the master has it.
 */
export type CallKind = 'read' | 'write' | 'unconfirmed'

/** The calls that wait for one master, wherever they are. */
export class Load {
  calls = 0
  bytes = 0

  get isFull(): boolean {
    return this.calls >= MAX_CALLS || this.bytes >= MAX_CALL_BYTES
  }
}

/** A call on its way to the master of its slot. */
export class RoutedCall implements Call {
  isAsking = false
  turn = 0
  wasSent = false
  isDone = false
  /** How often it was put off, and redirected since. */
  delays = 0
  hops = 0
  /** How often the functions were loaded for it. */
  supplies = 0
  /** Where it was sent last. */
  node: EngineNode | null = null

  constructor(
    readonly slot: number,
    readonly kind: CallKind,
    readonly request: Buffer,
    readonly channel: string | undefined,
    readonly deadlineAtMs: number,
    private readonly router: {
      refused(call: RoutedCall, error: EngineError): void
      lost(call: RoutedCall, reason: Error): void
      isOutdated(call: RoutedCall): boolean
    },
    private readonly load: Load,
    private readonly callbacks: {
      resolve(reply: Reply): void
      reject(error: Error): void
    },
  ) {
    load.calls++
    load.bytes += request.length
  }

  get mayRepeat(): boolean {
    return this.kind === 'read'
  }

  onReply(reply: Reply | EngineError): void {
    if (reply instanceof EngineError) {
      this.router.refused(this, reply)
    } else if (this.kind !== 'write' && this.router.isOutdated(this)) {
      // A master that was replaced may show what was lost with it, or take what then is lost, also long after.
      this.router.lost(this, new Error('the node is a master no more'))
    } else {
      this.leave()
      this.callbacks.resolve(reply)
    }
  }

  onLost(reason: Error): void {
    this.router.lost(this, reason)
  }

  reject(error: Error): void {
    this.leave()
    this.callbacks.reject(error)
  }

  private leave(): void {
    this.load.calls--
    this.load.bytes -= this.request.length
  }
}
