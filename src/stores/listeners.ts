import type { SessionChange, SessionListener } from '../core/events.js'

interface Subscriber {
  readonly listener: SessionListener
  readonly onMissed: () => void
}

/** The subscribers of a store. */
export class Listeners {
  private readonly subscribers = new Set<Subscriber>()

  subscribe(listener: SessionListener, onMissed = () => {}): () => void {
    // An object of its own, so that one listener can subscribe twice and leave once.
    const subscriber = { listener, onMissed }
    this.subscribers.add(subscriber)
    return () => this.subscribers.delete(subscriber)
  }

  /** Never throws: the change is already committed. */
  emit(change: SessionChange, id = (change.after ?? change.before)?.id ?? ''): void {
    this.tell(({ listener }) => listener(change, id))
  }

  /** Changes may have been missed. Never throws. */
  emitMissed(): void {
    this.tell(({ onMissed }) => onMissed())
  }

  private tell(call: (subscriber: Subscriber) => void): void {
    for (const subscriber of this.subscribers) {
      try {
        call(subscriber)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
}
