import type { TcpAddress } from '../../../net/address.js'
import { Batch, type Call, type TrafficHooks, type Wait } from './batch.js'
import type { ConnectionSettings } from './connection.js'
import { encode } from './encode.js'
import { Lane } from './lane.js'

export interface NodeSettings extends ConnectionSettings {
  /** How many replicas must have a write before its call ends. */
  readonly replicas: number
  /** How this server calls itself where it tells others of its writes. */
  readonly sender: string
  readonly traffic?: TrafficHooks
}

/** WAIT holds up what follows on its connection: each has one batch in flight. */
const WRITERS = 2
const MAX_BATCH_CALLS = 64
/** A group takes a sync and a WAIT: calls are not divided into smaller ones. */
const MIN_GROUP_CALLS = 16
const MAX_BATCH_BYTES = 256 * 1024

/** One process of the engine: the calls that wait for it, and the connections that carry them. */
export class EngineNode {
  private readonly calls = new Set<Call>()
  private writes: Call[] = []
  private reads: Call[] = []
  private readonly writers: readonly Lane[]
  private readonly reader: Lane
  private readonly wait: Wait | null
  private isPumpDue = false
  private readonly batchEvents = {
    onDone: (call: Call) => this.done(call),
    onEnd: () => this.pumpSoon(),
  }

  /** `onFailure`: a connection could not be made, or has ended. */
  constructor(
    readonly address: TcpAddress,
    private readonly settings: NodeSettings,
    private readonly onFailure: () => void,
  ) {
    const events = {
      onReady: () => this.pumpSoon(),
      onFailure: (reason: Error) => this.fail(reason),
    }
    this.writers = Array.from({ length: WRITERS }, () => new Lane(address, settings, events))
    this.reader = new Lane(address, settings, events)
    const { replicas, timeoutMs } = settings
    // The engine gives up first, so that the connection stays.
    const waitMs = `${Math.ceil(timeoutMs / 2)}`
    this.wait =
      replicas === 0 ? null : { request: encode(['WAIT', `${replicas}`, waitMs]), replicas }
  }

  /** Nothing waits for it, and it owes no reply. */
  get isIdle(): boolean {
    return (
      this.calls.size === 0 &&
      [...this.writers, this.reader].every(({ waitingSinceMs }) => waitingSinceMs === undefined)
    )
  }

  write(call: Call): void {
    this.add(call)
    this.writes.push(call)
  }

  /** No replica is waited for. */
  read(call: Call): void {
    this.add(call)
    this.reads.push(call)
  }

  /** Ends calls that are past their deadline, and connections that have been silent for so long. */
  expire(nowMs: number): void {
    const reason = new Error('the engine did not answer in time')
    for (const lane of [...this.writers, this.reader]) {
      if ((lane.waitingSinceMs ?? nowMs) + this.settings.timeoutMs < nowMs) {
        lane.reset(reason)
      }
    }
    this.lose(reason, (call) => call.deadlineAtMs <= nowMs)
  }

  /** It is a master no more, and may be silent: what may go to another node goes back. */
  retire(): void {
    const reason = new Error('the node is a master no more')
    this.lose(reason, ({ wasSent, mayRepeat }) => !wasSent || mayRepeat)
  }

  /** Ends every connection and call. */
  close(reason: Error): void {
    for (const lane of [...this.writers, this.reader]) {
      lane.close(reason)
    }
    this.lose(reason, () => true)
  }

  private add(call: Call): void {
    call.isDone = false
    call.wasSent = false
    call.turn++
    this.calls.add(call)
    this.pumpSoon()
  }

  private done(call: Call): void {
    call.isDone = true
    this.calls.delete(call)
  }

  /** Calls of the same turn go together. */
  private pumpSoon(): void {
    if (!this.isPumpDue) {
      this.isPumpDue = true
      setImmediate(() => {
        this.isPumpDue = false
        this.pump()
      })
    }
  }

  private pump(): void {
    if (this.reads.length > 0 && this.reader.prepare()) {
      const calls = this.reads.filter(({ isDone }) => !isDone)
      this.reads = []
      this.send(this.reader, calls, null)
    }
    const idle = this.writers.filter(
      (lane) => this.writes.length > 0 && lane.prepare() && lane.waitingSinceMs === undefined,
    )
    // Several, so that one is under way while the server takes the outcome of another.
    const groups = Math.min(idle.length, Math.floor(this.writes.length / MIN_GROUP_CALLS))
    const share = Math.ceil(this.writes.length / Math.max(groups, 1))
    for (const lane of idle) {
      this.send(lane, this.nextWrites(Math.min(share, MAX_BATCH_CALLS)), this.wait)
    }
  }

  private send(lane: Lane, calls: readonly Call[], wait: Wait | null): void {
    if (calls.length > 0) {
      const { traffic, sender } = this.settings
      lane.send(new Batch(calls, wait, this.batchEvents, traffic, sender))
    }
  }

  private nextWrites(limit: number): Call[] {
    const calls: Call[] = []
    let bytes = 0
    let taken = 0
    for (const call of this.writes) {
      if (calls.length === limit || bytes > MAX_BATCH_BYTES) {
        break
      }
      taken++
      if (!call.isDone) {
        calls.push(call)
        bytes += call.request.length
      }
    }
    this.writes = this.writes.slice(taken)
    return calls
  }

  /** Without any connection, calls that were not sent go back: another node may be the master by now. */
  private fail(reason: Error): void {
    if (!this.reader.isOpen && !this.writers.some(({ isOpen }) => isOpen)) {
      this.lose(reason, ({ wasSent }) => !wasSent)
    } else {
      this.pumpSoon()
    }
    this.onFailure()
  }

  private lose(reason: Error, isLost: (call: Call) => boolean): void {
    const lost = [...this.calls].filter(isLost)
    if (lost.length === 0) {
      return
    }
    for (const call of lost) {
      this.done(call)
    }
    // One that comes back must not wait here twice, and where no connection can be made, nothing else takes them away.
    this.writes = this.writes.filter(({ isDone }) => !isDone)
    this.reads = this.reads.filter(({ isDone }) => !isDone)
    for (const call of lost) {
      call.onLost(reason)
    }
  }
}
