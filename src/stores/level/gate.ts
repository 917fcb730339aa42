/** Lets many in at a time, or one alone. */
export class Gate {
  private inside = 0
  private barred: Promise<void> | null = null
  private onEmpty: (() => void) | null = null

  /** Runs `fn` beside others; waits while one is alone, or wants to be. */
  async enter<T>(fn: () => T | Promise<T>): Promise<T> {
    while (this.barred !== null) {
      await this.barred
    }
    this.inside++
    try {
      return await fn()
    } finally {
      this.inside--
      if (this.inside === 0) {
        this.onEmpty?.()
      }
    }
  }

  /** Runs `fn` when everyone who is inside has left, and nobody enters until it ends. */
  async alone<T>(fn: () => Promise<T>): Promise<T> {
    while (this.barred !== null) {
      await this.barred
    }
    let open = () => {}
    this.barred = new Promise((resolve) => {
      open = resolve
    })
    try {
      if (this.inside > 0) {
        await new Promise<void>((resolve) => {
          this.onEmpty = resolve
        })
      }
      return await fn()
    } finally {
      this.onEmpty = null
      this.barred = null
      open()
    }
  }
}
