import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { backgroundInterval } from './background-timers.js'
import { peerAddress } from './peer-address.js'

const LEAST_ADDRESS_BYTES = 64 * 1024 * 1024
/** So many addresses may leave all that one may. */
const FULL_ADDRESSES = 4
/** A peer may take nothing of what waits for so long, and for as long as a link of this speed needs for it. */
const STALL_TIMEOUT_MS = 60_000
const SLOWEST_BYTES_PER_MS = 16
const CHECK_INTERVAL_MS = 100

export interface UnsentLimits {
  /** What may wait for one address. */
  readonly maxAddressBytes: number
  /** What may wait in all. */
  readonly maxBytes: number
}

/** For an address twice the largest answer, so that no one who takes it slowly is cut for it, and at least 64 MiB. */
export function unsentLimits(largestAnswerBytes: number): UnsentLimits {
  const maxAddressBytes = Math.max(LEAST_ADDRESS_BYTES, 2 * largestAnswerBytes)
  return { maxAddressBytes, maxBytes: FULL_ADDRESSES * maxAddressBytes }
}

/**
 * A limit that was met:
 * - `answer-timeout`: a peer took nothing of its answers for too long;
 * - `answer-bytes`: too much waited for an address, or in all, so what held most of it was cut.
 */
export type UnsentLimit = 'answer-timeout' | 'answer-bytes'

/** A connection, as far as answers wait on it. */
export interface Recipient {
  /** As `peerAddress` has it. */
  readonly address: string
  /** What its answers take up until the peer takes them. */
  unsentBytes(): number
  /** Whether the peer has had its time, as far as it is not cut off elsewhere. Asked several times a second. */
  isStalled(unsentBytes: number, nowMs: number): boolean
  /** `hasTooMuch`: more waits for its address than may for one. */
  cut(hasTooMuch: boolean): void
}

/** Since when nothing of what waits in a stream was taken. */
export class Stall {
  private unsentBytes = 0
  /** null: something was taken since the last time. */
  private sinceMs: number | null = null

  constructor(stream: Pick<Writable, 'on'>) {
    stream.on('drain', () => {
      this.sinceMs = null
    })
  }

  /** To be asked several times a second. */
  isOver(unsentBytes: number, nowMs: number): boolean {
    if (this.sinceMs === null || unsentBytes === 0 || unsentBytes < this.unsentBytes) {
      this.sinceMs = nowMs
    }
    this.unsentBytes = unsentBytes
    return nowMs - this.sinceMs > STALL_TIMEOUT_MS + unsentBytes / SLOWEST_BYTES_PER_MS
  }
}

/** The connections of one address on which answers wait. */
interface Waiting {
  bytes: number
  readonly recipients: { readonly recipient: Recipient; readonly bytes: number }[]
}

/**
 * The answers of all listeners that wait to be taken. Whoever takes nothing is cut after a time; where one
 * address leaves too much, its connection that holds most is cut; where all together do, that of the address that
 * leaves most.
 */
export class Unsent {
  private readonly recipients = new Set<Recipient>()

  constructor(
    private readonly onLimited: (limit: UnsentLimit, address: string) => void,
    private readonly limits = unsentLimits(0),
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Counts a connection until what it returns is called. */
  add(recipient: Recipient): () => void {
    this.recipients.add(recipient)
    return () => this.recipients.delete(recipient)
  }

  /** Counts a socket until it closes. `queuedBytes` is what does not wait in the socket itself. */
  count(socket: Socket, queuedBytes: () => number = () => 0): void {
    const stall = new Stall(socket)
    const forget = this.add({
      address: peerAddress(socket.remoteAddress ?? ''),
      unsentBytes: () => socket.writableLength + queuedBytes(),
      isStalled: (unsentBytes, nowMs) => stall.isOver(unsentBytes, nowMs),
      cut: () => socket.destroy(),
    })
    socket.once('close', forget)
  }

  /** Enforces the limits several times a second, until what it returns is called. */
  start(): () => void {
    return backgroundInterval(CHECK_INTERVAL_MS, () => this.enforce())
  }

  enforce(): void {
    const nowMs = this.nowMs()
    const addresses = new Map<string, Waiting>()
    let total = 0
    for (const recipient of this.recipients) {
      const bytes = recipient.unsentBytes()
      if (recipient.isStalled(bytes, nowMs)) {
        this.cut('answer-timeout', recipient)
      } else if (bytes > 0) {
        const waiting = addresses.get(recipient.address) ?? { bytes: 0, recipients: [] }
        addresses.set(recipient.address, waiting)
        waiting.recipients.push({ recipient, bytes })
        waiting.bytes += bytes
        total += bytes
      }
    }
    for (const waiting of addresses.values()) {
      while (waiting.bytes > this.limits.maxAddressBytes) {
        total -= this.cutLargest(waiting, true)
      }
    }
    while (total > this.limits.maxBytes) {
      const all = [...addresses.values()]
      const most = all.reduce((most, each) => (each.bytes > most.bytes ? each : most))
      total -= this.cutLargest(most, false)
    }
  }

  /** Returns how many bytes no longer wait. */
  private cutLargest(waiting: Waiting, hasTooMuch: boolean): number {
    waiting.recipients.sort((a, b) => a.bytes - b.bytes)
    const { recipient, bytes } = waiting.recipients.pop() as (typeof waiting.recipients)[number]
    waiting.bytes -= bytes
    this.cut('answer-bytes', recipient, hasTooMuch)
    return bytes
  }

  private cut(limit: UnsentLimit, recipient: Recipient, hasTooMuch = false): void {
    this.recipients.delete(recipient)
    this.onLimited(limit, recipient.address)
    recipient.cut(hasTooMuch)
  }
}
