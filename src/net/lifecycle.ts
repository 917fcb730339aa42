/** Something that callers are connected to. */
export interface Listener {
  readonly address: string
  /**
   * Takes no more callers, lets what they asked finish for `graceMs`, then cuts it. Returns how many were
   * cut. Called again with less, it cuts sooner.
   */
  close(graceMs: number): Promise<number>
}

/** How many callers were cut, by the listener's address; empty after a clean end. */
export type CutCalls = Readonly<Record<string, number>>

/** What a program has opened, and how that ends: first the listeners, all at once, then all else, the last opened first. */
export class Lifecycle {
  private readonly listeners: Listener[] = []
  private readonly closers: (() => unknown)[] = []

  listens(listener: Listener): void {
    this.listeners.push(listener)
  }

  /** Adds what listeners stand on. */
  add(close: () => unknown): void {
    this.closers.push(close)
  }

  /**
   * Gives callers `graceMs`, or less where `force` is aborted. Closes everything even where one fails, then
   * throws the first failure.
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
