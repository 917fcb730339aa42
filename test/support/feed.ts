import { EventEmitter } from 'node:events'
import type { WebSocket } from 'ws'
import type { Session } from '../../src/core/session.js'
import type { FeedHub } from '../../src/feed/hub.js'
import type { Dialect } from '../../src/feed/protocol.js'
import { VIEWER_LIMITS, Viewer, type ViewerLimits } from '../../src/feed/viewer.js'
import { DocumentClient } from './document-client.js'

/** A socket whose peer reads when the test says so. */
export class FakeSocket extends EventEmitter {
  bufferedAmount = 0
  /** The most that was ever unsent. */
  maxBuffered = 0
  pings = 0
  closedWith: [code: number, reason: string] | 'terminated' | null = null
  private readonly unsent: { text: string; whenSent?: (() => void) | undefined }[] = []

  send(text: string, whenSent?: () => void): void {
    if (this.closedWith === null) {
      this.unsent.push({ text, whenSent })
      this.bufferedAmount += Buffer.byteLength(text)
      this.maxBuffered = Math.max(this.maxBuffered, this.bufferedAmount)
    }
  }

  /** The peer reads up to `count` messages. */
  read(receive: (text: string) => void, count = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count; i++) {
      const message = this.unsent.shift()
      if (message === undefined) {
        return
      }
      this.bufferedAmount -= Buffer.byteLength(message.text)
      receive(message.text)
      message.whenSent?.()
    }
  }

  ping(): void {
    this.pings++
  }

  close(code: number, reason: string): void {
    this.closedWith ??= [code, reason]
  }

  terminate(): void {
    this.closedWith ??= 'terminated'
    this.emit('close')
  }
}

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
  const viewer = new Viewer(socket as unknown as WebSocket, { cork() {}, uncork() {} }, hub, {
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
      flat(session.userName || session.userId),
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
