import { setImmediate } from 'node:timers/promises'

const TURN_MS = 5

/** For loops that compute much: gives way to other work before it waits too long. */
export class Turns {
  private beganMs = performance.now()

  async giveWay(): Promise<void> {
    if (performance.now() - this.beganMs > TURN_MS) {
      await setImmediate()
      this.beganMs = performance.now()
    }
  }
}
