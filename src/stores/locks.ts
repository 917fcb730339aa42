/** Mutexes by key, first come, first served. */
export class Locks {
  /** By each key that is held: who waits for it. */
  private readonly held = new Map<string, (() => void)[]>()

  /** Runs `fn` while it holds all of `keys`, acquired in this order: at once if nobody else holds one. */
  async hold<T>(keys: readonly string[], fn: () => Promise<T>): Promise<T> {
    for (const key of keys) {
      const waiting = this.held.get(key)
      if (waiting === undefined) {
        this.held.set(key, [])
      } else {
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    }
    try {
      return await fn()
    } finally {
      for (const key of keys) {
        this.release(key)
      }
    }
  }

  /** Hands it to the next who waits. */
  private release(key: string): void {
    const next = this.held.get(key)?.shift()
    if (next === undefined) {
      this.held.delete(key)
    } else {
      next()
    }
  }
}

export function userLock(userId: string): string {
  return `u${userId}`
}

export function sessionLock(id: string): string {
  return `s${id}`
}

/** Runs many functions at a time, or one alone. */
export class Gate {
  private inside = 0
  private barred: Promise<void> | null = null
  private onEmpty: (() => void) | null = null

  /** Whether a function runs alone or waits to. */
  get isBarred(): boolean {
    return this.barred !== null
  }

  /** Runs `fn` beside others. Waits while one runs alone or waits to. */
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

  /** Runs `fn` once all others have ended. No other begins until it ends. */
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
