/** How long acts may keep everything else waiting in one turn of the event loop. */
const TURN_MS = 5

/** When the first act of this turn began; null where none did. */
let beganAtMs: number | null = null
const waiting = new Set<() => void>()

/** Whether acts, of all connections together, have had their share of this turn of the event loop. */
export function isTurnOver(): boolean {
  const nowMs = performance.now()
  if (beganAtMs === null) {
    beganAtMs = nowMs
    setImmediate(beginTurn)
  }
  return nowMs - beganAtMs > TURN_MS
}

/** Calls each of these in a later turn, once, in the order in which they came. */
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
