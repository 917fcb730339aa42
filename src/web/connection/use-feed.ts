import { useEffect, useState } from 'preact/hooks'
import { type WatchedSession, watchSessions } from '../../client/watch.js'
import { type Connection, connectionAfter, NOT_CONNECTED } from './connection.js'
import { type Sample, withSample } from '../summary/history.js'
import { wantsToken } from './refusal.js'

/** What the page shows. It is a new object after every change. */
export interface Feed {
  readonly connection: Connection
  readonly sessions: ReadonlyMap<string, WatchedSession>
  /** The last one is current. */
  readonly samples: readonly Sample[]
}

/** Nobody reads faster, and sorting 10,000 rows takes some milliseconds. */
const SHORTEST_PAUSE_MS = 200
const SAMPLE_INTERVAL_MS = 2_000

/** Watches the sessions of a server while the component is mounted. */
export function useFeed(url: string, version: string, token: string | null): Feed {
  const [feed, setFeed] = useState<Feed>({
    connection: NOT_CONNECTED,
    sessions: new Map(),
    samples: [],
  })
  useEffect(() => {
    // The page itself was loaded over the same connection, protected or not.
    const shown = token !== null && { token, plaintext: true }
    const watch = watchSessions(url, { version, ...shown })
    let connection: Connection = NOT_CONNECTED
    let samples: readonly Sample[] = []
    let scheduled = false
    let hasEnded = false

    const withNow = () => {
      const open = connection.phase === 'open' ? watch.sessions.size : null
      return withSample(samples, { timeMs: Date.now(), open })
    }
    const show = () => {
      scheduled = false
      if (hasEnded) {
        return
      }
      setFeed({ connection, sessions: watch.sessions, samples: withNow() })
    }
    let shownAtMs = 0
    const schedule = () => {
      if (!scheduled) {
        scheduled = true
        const pauseMs = shownAtMs + SHORTEST_PAUSE_MS - performance.now()
        const nextFrame = () =>
          requestAnimationFrame((timeMs) => {
            shownAtMs = timeMs
            show()
          })
        setTimeout(nextFrame, Math.max(pauseMs, 0))
      }
    }
    const sample = () => {
      samples = withNow()
      schedule()
    }
    const follow = async () => {
      for await (const event of watch) {
        connection = connectionAfter(connection, event, Date.now())
        schedule()
        if (event.type === 'waiting') {
          void explain()
        }
      }
    }
    const explain = async () => {
      const wanted = await wantsToken(url, token)
      if (connection.phase !== 'open') {
        connection = { ...connection, wantsToken: wanted }
        schedule()
      }
    }
    const sampling = setInterval(sample, SAMPLE_INTERVAL_MS)
    follow()
    return () => {
      hasEnded = true
      clearInterval(sampling)
      watch.close()
    }
  }, [url, version, token])
  return feed
}
