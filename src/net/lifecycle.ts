/** Something that callers are connected to. */
export interface Listener {
  readonly address: string
  /**
   * Accepts no more callers, lets calls finish for `graceMs`, then cuts the rest. Returns how many it cut. A second
   * call with a shorter grace cuts sooner.
   */
  close(graceMs: number): Promise<number>
}

/** The number of calls that were cut, by the address of the listener; empty after a clean end. */
export type CutCalls = Readonly<Record<string, number>>

/** Closes what a program opened: first the listeners, in parallel, then the rest in reverse order. */
export class Lifecycle {
  private readonly listeners: Listener[] = []
  private readonly closers: (() => unknown)[] = []

  listens(listener: Listener): void {
    this.listeners.push(listener)
  }

  /** Adds something to close after the listeners. */
  add(close: () => unknown): void {
    this.closers.push(close)
  }

  /**
   * Gives calls `graceMs` to finish, or less when `force` is aborted. Closes everything even if something fails to
   * close, then throws the first failure.
   */
  async close(graceMs: number, force?: AbortSignal): Promise<CutCalls> {
    const listeners = this.listeners.splice(0)
    const failures: unknown[] = []
    const attempt = async <T>(close: () => T) => {
      try {
        return await close()
      } catch (error) {
        failures.push(error)
        return undefined
      }
    }
    const cut: Record<string, number> = {}
    const end = (withinMs: number) =>
      Promise.all(
        listeners.map(async (listener) => {
          const calls = await attempt(() => listener.close(withinMs))
          if (calls) {
            cut[listener.address] = calls
          }
        }),
      )
    const cutAll = () => void end(0)
    force?.addEventListener('abort', cutAll)
    await end(force?.aborted ? 0 : graceMs)
    force?.removeEventListener('abort', cutAll)
    for (const close of this.closers.splice(0).reverse()) {
      await attempt(close)
    }
    if (failures.length > 0) {
      throw failures[0]
    }
    return cut
  }
}
