import { EventEmitter } from 'node:events'
import { WebSocket } from 'ws'
import type { Session } from '../../src/core/session.js'
import type { FeedHub } from '../../src/feed/hub.js'
import type { Dialect, Notice } from '../../src/feed/protocol/messages.js'
import { frameOf } from '../../src/feed/protocol/write.js'
import { type Transport, VIEWER_LIMITS, Viewer, type ViewerLimits } from '../../src/feed/viewer.js'
import { DocumentClient } from './document-client.js'

/** A socket whose peer reads when the test says so, and the transport under it. */
export class FakeSocket extends EventEmitter {
  readonly OPEN = WebSocket.OPEN
  readyState: number = WebSocket.OPEN
  bufferedAmount = 0
  /** The most that was ever unsent. */
  maxBuffered = 0
  pings = 0
  closedWith: [code: number, reason: string] | 'terminated' | null = null
  /** How often anything was written. */
  writes = 0
  private readonly unsent: Buffer[] = []

  cork(): void {}

  uncork(): void {}

  /** Takes frames of text, as a server sends them. */
  write(frames: Buffer): boolean {
    this.writes++
    for (const payload of payloadsOf(frames)) {
      this.unsent.push(payload)
      this.bufferedAmount += payload.length
    }
    this.maxBuffered = Math.max(this.maxBuffered, this.bufferedAmount)
    return false
  }

  /** The peer reads up to `count` messages. */
  read(receive: (text: string) => void, count = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count && this.unsent.length > 0; i++) {
      const payload = this.unsent.shift() as Buffer
      this.bufferedAmount -= payload.length
      receive(payload.toString())
      if (this.unsent.length === 0) {
        this.emit('drain')
      }
    }
  }

  ping(): void {
    this.pings++
  }

  close(code: number, reason: string): void {
    this.readyState = WebSocket.CLOSING
    this.closedWith ??= [code, reason]
  }

  terminate(): void {
    this.readyState = WebSocket.CLOSED
    this.closedWith ??= 'terminated'
    this.emit('close')
  }
}

/** The payloads of whole text frames that are not masked (RFC 6455 section 5.2). */
export function payloadsOf(frames: Buffer): Buffer[] {
  const payloads: Buffer[] = []
  for (let at = 0; at < frames.length; ) {
    const short = frames[at + 1] as number
    const [length, header] =
      short < 126
        ? [short, 2]
        : short === 126
          ? [frames.readUInt16BE(at + 2), 4]
          : [Number(frames.readBigUInt64BE(at + 2)), 10]
    const end = at + header + length
    if (frames[at] !== 0x81 || end > frames.length) {
      throw new Error(`no text frame at ${at} of ${frames.length}`)
    }
    payloads.push(frames.subarray(at + header, end))
    at = end
  }
  return payloads
}

/**
 * Runs what a hub has put off when the test says so; refills of the list are left to it. Its clock moves whenever it is
 * asked, so that turns end somewhere, and the same everywhere.
 */
export function handTimers() {
  let turns: (() => void)[] = []
  let refill: (() => void) | null = null
  let elapsedMs = 0
  return {
    nowMs() {
      elapsedMs += 0.25
      return elapsedMs
    },
    after(delayMs: number, run: () => void) {
      if (delayMs >= REFILL_MS) {
        refill = run
      } else {
        turns.push(run)
      }
      return () => {
        turns = turns.filter((turn) => turn !== run)
      }
    },
    /** The next turn of what serves viewers; whether there was one. */
    turn(): boolean {
      const run = turns.shift()
      run?.()
      return run !== undefined
    },
    refill(): boolean {
      const run = refill
      refill = null
      run?.()
      return run !== null
    },
  }
}

const REFILL_MS = 1000
let connections = 0

/** A viewer of a hub with no network in between, and the client that it serves. */
export function fakeViewer(
  hub: FeedHub,
  client = new DocumentClient(),
  dialect: Dialect = 'commands',
  limits: Partial<ViewerLimits> = {},
) {
  const socket = new FakeSocket()
  const told = { malformed: 0, dropped: [] as string[] }
  client.reconnect()
  const viewer = new Viewer(socket as unknown as WebSocket, socket as unknown as Transport, hub, {
    connectionId: ++connections,
    dialect,
    expectedVersion: '1.2.3',
    limits: { ...VIEWER_LIMITS, ...limits },
    onMalformed: () => told.malformed++,
    onDropped: (reason) => told.dropped.push(reason),
  })
  return {
    viewer,
    socket,
    client,
    told,
    read: (count?: number) => socket.read((text) => client.receive(text), count),
  }
}

/** A message as a viewer gets it. `connectionId` is an i32. */
export function encodeNotice(notice: Notice, connectionId: number, dialect: Dialect): string {
  const { head, tail } = frameOf(notice, dialect)
  return `${head}${connectionId}${tail}`
}

const flat = (text: string) => text.replace(/[\r\n]/g, ' ')
const iso = (timeMs: number) => new Date(timeMs).toISOString()

interface Profile {
  readonly registration_date?: string
  readonly is_patron?: boolean
  readonly is_mentor?: boolean
}

/** What a viewer must show of open sessions, for `user` and `data` of the agreed shape. */
export function expectedContent(sessions: readonly Session[]): Record<string, object> {
  const rows = sessions.map((session) => {
    const profile = (about: Profile) => [
      about.registration_date ?? iso(session.openTimeMs),
      `${about.is_patron ?? false}`,
      `${about.is_mentor ?? false}`,
    ]
    const data = JSON.parse(session.data ?? 'null') ?? {}
    const host = [
      flat(session.userName || spelledOwner(session) || session.userId),
      ...profile(JSON.parse(session.user ?? 'null') ?? {}),
    ]
    const list = data.users as (Profile & { user_id: string; username: string; active?: boolean })[]
    const users = list
      ? list.map((user) => [user.user_id, [flat(user.username), ...profile(user)]] as const)
      : [[session.userId, host] as const]
    const active = list ? list.filter((user) => user.active !== false) : [0]
    return [
      session.id,
      {
        name: flat(data.session_name ?? session.client),
        active: `${active.length}`,
        joined: `${users.length}`,
        host,
        begin: iso(session.openTimeMs),
        users: Object.fromEntries([...users].sort(([a], [b]) => (a < b ? -1 : 1))),
      },
    ] as const
  })
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The name that an owner's id spells, if it does. */
function spelledOwner({ token }: Session): string {
  const text = Buffer.from(token?.owner ?? []).toString()
  return /^[\w -]+$/.test(text) ? text : ''
}
