import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type PageState, readState, sortedAsCanBe, writeState } from './page-state.js'

/** Browsers refuse an address that changes with every key. */
const PAUSE_MS = 300

/** Changes what the page shows. `step`: so that "back" undoes it; a search is no step, or each letter would be one. */
export type Navigate = (changes: Partial<PageState>, step?: boolean) => void

/** The state that the address keeps, and how to change it. Follows links, "back" and edits of the address. */
export function useAddress(): [PageState, Navigate] {
  const [state, setState] = useState(() => readState(location.hash))
  const latest = useRef(state)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)

  const navigate = useCallback<Navigate>((changes, step = false) => {
    latest.current = sortedAsCanBe({ ...latest.current, ...changes })
    setState(latest.current)
    clearTimeout(timer.current)
    const write = () => history.replaceState(null, '', writeState(latest.current))
    if (step) {
      history.pushState(null, '', writeState(latest.current))
    } else {
      timer.current = setTimeout(write, PAUSE_MS)
    }
  }, [])

  useEffect(() => {
    const follow = () => {
      clearTimeout(timer.current)
      latest.current = readState(location.hash)
      setState(latest.current)
    }
    // Of links and edits the one, of "back" the other, of some both.
    addEventListener('hashchange', follow)
    addEventListener('popstate', follow)
    return () => {
      removeEventListener('hashchange', follow)
      removeEventListener('popstate', follow)
    }
  }, [])
  return [state, navigate]
}
