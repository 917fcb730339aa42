const TURN_MS = 2

/** Loops that wait for their turn. */
const waiting: (() => void)[] = []
let beganMs = performance.now()

/**
 * For loops that compute much: gives way to other work before it waits too long. All loops together have one turn
 * at a time, however many there are.
 */
export class Turns {
  async giveWay(): Promise<void> {
    if (performance.now() - beganMs > TURN_MS) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        if (waiting.length === 1) {
          setImmediate(takeTurn)
        }
      })
    }
  }
}

function takeTurn(): void {
  beganMs = performance.now()
  waiting.shift()?.()
  if (waiting.length > 0) {
    setImmediate(takeTurn)
  }
}
