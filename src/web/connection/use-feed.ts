import { useEffect, useState } from 'preact/hooks'
import { type WatchedSession, watchSessions } from '../../client/watch.js'
import { type Connection, connectionAfter, NOT_CONNECTED } from './connection.js'
import { fetchHistory } from './server-facts.js'

/** What the page shows of the session list. It is a new object after every change. */
export interface Feed {
  readonly connection: Connection
  readonly sessions: ReadonlyMap<string, WatchedSession>
  /** Whether it ever had a session. Its sessions come after its connection is open. */
  readonly hasListed: boolean
}

const NOTHING: Feed = { connection: NOT_CONNECTED, sessions: new Map(), hasListed: false }

/** Nobody reads faster, and sorting 10,000 rows takes some milliseconds. */
const SHORTEST_PAUSE_MS = 200

/** Watches the sessions of a server while the component is mounted. */
export function useFeed(url: string, version: string, token: string | null): Feed {
  const [feed, setFeed] = useState(NOTHING)
  const { refusedToken } = feed.connection
  useEffect(() => {
    // The page itself was loaded over the same connection, protected or not.
    const shown = token !== null && { token, plaintext: true }
    const watch = watchSessions(url, { version, ...shown })
    // The field for the token stays until the server has answered.
    let connection: Connection = { ...NOT_CONNECTED, refusedToken }
    let scheduled = false
    let hasEnded = false
    let hasListed = false

    const show = () => {
      scheduled = false
      if (!hasEnded) {
        setFeed({ connection, sessions: watch.sessions, hasListed })
      }
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
    const follow = async () => {
      for await (const event of watch) {
        connection = connectionAfter(connection, event, Date.now())
        hasListed ||= event.type === 'added'
        // Why there is no list yet is not said before it is known.
        if (event.type !== 'waiting' || connection.everOpen) {
          schedule()
        }
        if (event.type === 'waiting') {
          void explain()
        }
      }
    }
    /** Browsers do not tell how the server answered a WebSocket. */
    const explain = async () => {
      const answer = await fetchHistory(token)
      if (connection.phase !== 'open') {
        const isRefused = answer === 'refused'
        connection = { ...connection, refusedToken: isRefused ? token : undefined }
        schedule()
      }
    }
    follow()
    return () => {
      hasEnded = true
      watch.close()
    }
  }, [url, version, token])
  return feed
}
