/** Shares work by key: whoever asks while it runs gets the same result. */
export class Shared<T> {
  private readonly running = new Map<string, Promise<T>>()

  run(key: string, work: () => Promise<T>): Promise<T> {
    let outcome = this.running.get(key)
    if (outcome === undefined) {
      outcome = work().finally(() => this.running.delete(key))
      this.running.set(key, outcome)
    }
    return outcome
  }
}
