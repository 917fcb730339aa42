import { useEffect, useState } from 'preact/hooks'
import { fetchHistory, type ServerHistory } from '../connection/server-facts.js'

const INTERVAL_MS = 10_000

interface KnownHistory extends ServerHistory {
  /** How far the clock of this browser is ahead of the server's; negative: behind. */
  readonly clockAheadMs: number
}

/** The server's own last hour, as long as the list is followed. null: it is not known yet. */
export function useHistory(isFollowed: boolean, token: string | null): KnownHistory | null {
  const [history, setHistory] = useState<KnownHistory | null>(null)
  useEffect(() => {
    if (!isFollowed) {
      return
    }
    let hasEnded = false
    const ask = async () => {
      const answer = await fetchHistory(token)
      // What was known stays, like the list, while the server is away.
      if (!hasEnded && answer !== null && answer !== 'refused') {
        setHistory({ ...answer, clockAheadMs: Date.now() - answer.nowAtMs })
      }
    }
    ask()
    // Thousands of pages may be open, most of them behind others.
    const asking = setInterval(() => document.hidden || ask(), INTERVAL_MS)
    document.addEventListener('visibilitychange', ask)
    return () => {
      hasEnded = true
      clearInterval(asking)
      document.removeEventListener('visibilitychange', ask)
    }
  }, [isFollowed, token])
  return history
}
