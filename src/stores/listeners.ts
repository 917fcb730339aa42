import type { SessionChange, SessionListener } from '../core/events.js'

/** The subscribers of a store. */
export class Listeners {
  private readonly listeners = new Set<SessionListener>()

  subscribe(listener: SessionListener): () => void {
    // A function of its own, so that one listener can subscribe twice and leave once.
    const entry: SessionListener = (change) => listener(change)
    this.listeners.add(entry)
    return () => this.listeners.delete(entry)
  }

  /** Never throws: the change is already committed. */
  emit(change: SessionChange): void {
    for (const listener of this.listeners) {
      try {
        listener(change)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
}
