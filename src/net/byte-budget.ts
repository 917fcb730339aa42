/** What one holder has of a budget. */
export interface Share {
  bytes: number
  /** Set while it waits for more. */
  wanted: { readonly bytes: number; readonly resolve: () => void } | null
}

/** So many bytes may be held at once. Whoever wants more waits, first come, first served. */
export class ByteBudget {
  /** Those that hold bytes or wait for some, in the order in which they first asked. */
  private readonly shares = new Set<Share>()
  private waiting = 0

  constructor(private freeBytes: number) {}

  /** A share without bytes. `free` ends it. */
  share(): Share {
    return { bytes: 0, wanted: null }
  }

  /** Resolves once the share has so many bytes more. */
  async take(share: Share, bytes: number): Promise<void> {
    this.shares.add(share)
    if (this.waiting === 0 && bytes <= this.freeBytes) {
      this.grant(share, bytes)
      return
    }
    await new Promise<void>((resolve) => {
      share.wanted = { bytes, resolve }
      this.waiting++
      this.serve()
    })
  }

  free(share: Share): void {
    this.freeBytes += share.bytes
    this.shares.delete(share)
    if (this.waiting > 0) {
      this.serve()
    }
  }

  /** The first share may take more than is free: otherwise all of them could wait for each other. */
  private serve(): void {
    const [first] = this.shares
    for (const share of this.shares) {
      const { wanted } = share
      if (wanted !== null) {
        if (wanted.bytes > this.freeBytes && share !== first) {
          return
        }
        share.wanted = null
        this.waiting--
        this.grant(share, wanted.bytes)
        wanted.resolve()
      }
    }
  }

  private grant(share: Share, bytes: number): void {
    this.freeBytes -= bytes
    share.bytes += bytes
  }
}
