import type { ServerResponse } from 'node:http'

/** Counts the answers that a stopping server waits for. */
export class UnderWay {
  private count = 0
  private onNone = () => {}

  get size(): number {
    return this.count
  }

  /** Counts an answer until it is sent or its connection ends. */
  add(response: ServerResponse): void {
    this.count++
    response.once('close', () => {
      this.count--
      if (this.count === 0) {
        this.onNone()
      }
    })
  }

  /** Calls `run` once none is left, at once if there is none. */
  whenNone(run: () => void): void {
    this.onNone = run
    if (this.count === 0) {
      run()
    }
  }
}
