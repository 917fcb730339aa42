/** Things to close at the end, the last opened first. */
export class Closers {
  private readonly closers: (() => unknown)[] = []

  add(close: () => unknown): void {
    this.closers.push(close)
  }

  /** Closes everything even where one fails, then throws the first failure. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.closers.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) {
      throw failures[0]
    }
  }
}
