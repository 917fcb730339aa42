/** How long acts may hold the event loop in one turn. */
const TURN_MS = 5

/** When the first act of this turn began; null if there was none. */
let beganAtMs: number | null = null
const waiting = new Set<() => void>()

/** Whether the acts of all connections together have used up their share of this turn. */
export function isTurnOver(): boolean {
  const nowMs = performance.now()
  if (beganAtMs === null) {
    beganAtMs = nowMs
    setImmediate(beginTurn)
  }
  return nowMs - beganAtMs > TURN_MS
}

/** Calls `run` once in a later turn, in the order of the calls. */
export function inLaterTurn(run: () => void): void {
  waiting.add(run)
}

function beginTurn(): void {
  beganAtMs = null
  for (const run of waiting) {
    if (isTurnOver()) {
      return
    }
    waiting.delete(run)
    run()
  }
}
