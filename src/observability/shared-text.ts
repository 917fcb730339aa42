import { setImmediate } from 'node:timers/promises'

/** A text that is costly to render: rendered once for all who asked before that began. */
export class SharedText {
  /** The latest, which may yet have to begin. */
  private rendering: { beganMs: number; text: Promise<Buffer> } = {
    beganMs: Number.NEGATIVE_INFINITY,
    text: Promise.resolve(Buffer.alloc(0)),
  }

  constructor(private readonly render: () => Promise<string>) {}

  /** The text as it is at `sinceMs` (of `performance.now`) or later. */
  since(sinceMs: number): Promise<Buffer> {
    if (this.rendering.beganMs < sinceMs) {
      const rendering = { beganMs: Number.POSITIVE_INFINITY, text: this.rendering.text }
      rendering.text = setImmediate().then(async () => {
        rendering.beganMs = performance.now()
        return Buffer.from(await this.render())
      })
      this.rendering = rendering
    }
    return this.rendering.text
  }
}
