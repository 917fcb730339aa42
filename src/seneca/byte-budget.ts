/** So many bytes may be held at once. Who wants more waits, first come, first served. */
export class ByteBudget {
  private readonly waiting: { readonly bytes: number; readonly begin: () => void }[] = []

  constructor(private free: number) {}

  /** Resolves once there are so many, which may be no more than there are in all. */
  async take(bytes: number): Promise<void> {
    if (this.waiting.length > 0 || bytes > this.free) {
      await new Promise<void>((begin) => this.waiting.push({ bytes, begin }))
    } else {
      this.free -= bytes
    }
  }

  give(bytes: number): void {
    this.free += bytes
    for (let next = this.waiting[0]; next && next.bytes <= this.free; next = this.waiting[0]) {
      this.waiting.shift()
      this.free -= next.bytes
      next.begin()
    }
  }
}
