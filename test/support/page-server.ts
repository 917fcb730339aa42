import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'
import { readPages } from '../../src/http/pages.js'

const BUILT = fileURLToPath(new URL('../../dist/web', import.meta.url))

/** The page with a scripted session list, for what a real server would take long to get to. */
export interface PageServer {
  readonly url: string
  /** What a new viewer gets after its reset: messages without their connection id. */
  snapshot: readonly (readonly string[])[]
  expectedVersion: string
  /** Open sessions, of which the list has at most `maxListed`. null: as many as the snapshot has. */
  openSessions: number | null
  maxListed: number
  /** Off, it refuses viewers. */
  listening: boolean
  /** Sends a message to every viewer, its connection id put in as the second parameter. */
  send(...message: readonly string[]): void
  /** Drops every viewer. */
  drop(): void
  close(): Promise<void>
}

export async function startPageServer(): Promise<PageServer> {
  const pages = readPages(BUILT)
  const http = createServer((request, response) => {
    const facts = factsOf(server)[request.url ?? '']
    if (facts !== undefined) {
      response.end(JSON.stringify(facts))
      return
    }
    const file = pages.get(request.url ?? '')
    response.writeHead(file ? 200 : 404, file?.headers).end(file?.body)
  })
  const viewers = new WebSocketServer({ noServer: true })
  http.on('upgrade', (request, socket, head) => {
    if (server.listening) {
      viewers.handleUpgrade(request, socket, head, (viewer) => {
        viewer.send(['reset', '1', server.expectedVersion].join('\n'))
        for (const message of server.snapshot) {
          viewer.send(withConnectionId(message))
        }
      })
    } else {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n')
    }
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  const drop = () => {
    for (const viewer of viewers.clients) {
      viewer.terminate()
    }
  }
  const server: PageServer = {
    url: `http://127.0.0.1:${port}/`,
    snapshot: [],
    expectedVersion: '0.0.1',
    openSessions: null,
    maxListed: 10_000,
    listening: true,
    send: (...message) => {
      for (const viewer of viewers.clients) {
        viewer.send(withConnectionId(message))
      }
    },
    drop,
    close: async () => {
      drop()
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return server
}

/** What the page asks for beside the list. */
function factsOf(server: PageServer): Readonly<Record<string, object>> {
  const { openSessions, maxListed, snapshot } = server
  const open = openSessions ?? snapshot.length
  const nowAtMs = Date.now()
  const minutes = Array.from({ length: 60 }, (_, i) => ({
    ...{ from_at_ms: nowAtMs - (59 - i) * 60_000, opened: 12, ended: i % 7 },
    open: Math.round((open * (40 + i + (i % 5))) / 103),
  }))
  return {
    '/session-list/access': {
      ...{ version: '0.0.1', feed_token: false, admin_token: false, client_certificates: false },
    },
    '/session-list/history': {
      ...{ now_at_ms: nowAtMs, open_sessions: open, max_listed: maxListed, minutes },
    },
  }
}

function withConnectionId([command = '', ...parameters]: readonly string[]): string {
  return [command, '1', ...parameters].join('\n')
}

export interface SentUser {
  readonly id: string
  readonly name: string
  readonly isPatron?: boolean
  readonly isMentor?: boolean
}

const REGISTERED = '2021-05-04T08:00:00.000Z'

/** An `add` of the session list. The first user is the host. */
export function added(id: string, name: string, beginTime: string, users: readonly SentUser[]) {
  const [host] = users
  const flags = (user?: SentUser) => [`${user?.isPatron ?? false}`, `${user?.isMentor ?? false}`]
  return [
    ...['add', id, String(users.length), String(users.length)],
    ...[host?.name ?? '', REGISTERED, ...flags(host), name, beginTime],
    users.flatMap((user) => [user.id, user.name, REGISTERED, ...flags(user)]).join('\r'),
  ]
}
