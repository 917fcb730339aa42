import { expect, onTestFinished } from 'vitest'
import { FeedHub } from '../../src/feed/hub.js'
import { type FeedServerOptions, startFeedServer } from '../../src/feed/server.js'
import type { ViewingPorts } from '../../src/http/viewing.js'
import { sessionsAt } from './sessions.js'

/** What viewers are told where that is not what is tested. */
export const VIEWING: ViewingPorts = {
  version: '1.10.0',
  operators: { adminToken: false, clientCertificates: false },
  history: async () => ({}),
}

/** Serves the session list on a free port of this machine until the test ends; options may be other than these. */
export async function startFeed(
  options: Partial<FeedServerOptions> = {},
  { at = sessionsAt(), graceMs }: { at?: ReturnType<typeof sessionsAt>; graceMs?: number } = {},
) {
  const onError = (error: unknown) => expect.fail(`${error}`)
  const hub = new FeedHub(at.store, { maxSessions: 100, onError })
  await hub.load()
  const server = await startFeedServer(hub, {
    ...{ host: '127.0.0.1', port: 0, access: { isPublic: false }, expectedVersion: '1.10.0' },
    pages: new Map(),
    isReady: async () => hub.isReady,
    viewing: VIEWING,
    onUsage: () => {},
    onFailure: onError,
    ...options,
  })
  onTestFinished(async () => {
    await server.close(graceMs)
    hub.close()
  })
  return { ...at, hub, server, port: Number(new URL(server.address).port) }
}
