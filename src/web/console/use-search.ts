import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Conditions } from '../address/page-state.js'
import type { Operator, OperatorError } from '../operator/calls.js'
import { type Found, searchFor, withPage } from './search.js'

/** A search follows what is typed after such a pause. */
const PAUSE_MS = 250
/** Rows that one "more" brings. */
const PAGE_ROWS = 50
/** Answers after which one "more" stops by itself: the server looks at some thousand sessions for each. */
const MOST_ANSWERS = 25

export interface Searching {
  /** Another one is another search. */
  readonly key: string
  /** Of the last search that was answered; null: none was, or the search after it failed. */
  readonly found: Found | null
  /** Whether that was an earlier search, so that it says nothing about this one. */
  readonly isEarlier: boolean
  readonly isAsking: boolean
  readonly problem: OperatorError | null
  /** Goes on until it has found some more, or looked far. */
  readonly more: () => void
  readonly stop: () => void
  /** Asks anew for what is shown. */
  readonly refresh: () => void
}

/** Whether a search goes on after so many answers. */
type GoesOn = (sofar: Found, answers: number) => boolean

/** Searches the server as the conditions change. The latest search wins. */
export function useSearch(operator: Operator, conditions: Conditions): Searching {
  const [answered, setAnswered] = useState<{ key: string; found: Found } | null>(null)
  const [isAsking, setAsking] = useState(true)
  const [problem, setProblem] = useState<OperatorError | null>(null)
  const running = useRef(new AbortController())
  const key = JSON.stringify(searchFor(conditions))
  const search = useMemo(() => searchFor(conditions), [key])

  /** Asks from `start` on, at least once, as long as `goesOn`. Shows each answer, or all at their end. */
  const ask = useCallback(
    async (start: Found | null, goesOn: GoesOn, isShownAtEnd = false) => {
      running.current.abort()
      running.current = new AbortController()
      const { signal } = running.current
      setAsking(true)
      setProblem(null)
      try {
        let sofar = start
        let answers = 0
        do {
          const page = await operator.search(search, sofar?.next ?? null, signal)
          if (signal.aborted) {
            return
          }
          sofar = withPage(sofar, page, Date.now())
          answers += 1
          if (!isShownAtEnd) {
            setAnswered({ key, found: sofar })
          }
        } while (sofar.next !== null && goesOn(sofar, answers))
        setAnswered({ key, found: sofar })
        setAsking(false)
      } catch (error) {
        if (!signal.aborted) {
          setProblem(error as OperatorError)
          setAsking(false)
        }
      }
    },
    [operator, search],
  )

  const isFirst = useRef(true)
  useEffect(() => {
    const timer = setTimeout(() => ask(null, () => false), isFirst.current ? 0 : PAUSE_MS)
    isFirst.current = false
    return () => {
      clearTimeout(timer)
      running.current.abort()
    }
  }, [ask])

  const isEarlier = answered !== null && answered.key !== key
  const found = answered === null || (isEarlier && problem !== null) ? null : answered.found
  return {
    ...{ key, found, isEarlier, isAsking, problem },
    more() {
      const rows = (found?.rows.length ?? 0) + PAGE_ROWS
      ask(found, (sofar, answers) => sofar.rows.length < rows && answers < MOST_ANSWERS)
    },
    stop() {
      running.current.abort()
      setAsking(false)
    },
    refresh() {
      const shown = found?.answers ?? 1
      // With its first answer alone the list would be short for a moment, and the page would jump.
      ask(null, (_, answers) => answers < shown, true)
    },
  }
}
