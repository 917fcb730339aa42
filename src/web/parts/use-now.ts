import { useEffect, useState } from 'preact/hooks'

/** The current time, updated every second. */
export function useNow(): number {
  const [nowMs, setNowMs] = useState(Date.now)
  useEffect(() => {
    const ticking = setInterval(() => setNowMs(Date.now()), 1_000)
    return () => clearInterval(ticking)
  }, [])
  return nowMs
}
