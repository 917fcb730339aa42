import { setImmediate } from 'node:timers/promises'

/** A costly text, rendered once for all who asked before the rendering began. */
export class SharedText {
  /** The latest rendering, which may not have begun yet. */
  private rendering: { beganAtMs: number; text: Promise<Buffer> } = {
    beganAtMs: Number.NEGATIVE_INFINITY,
    text: Promise.resolve(Buffer.alloc(0)),
  }

  constructor(private readonly render: () => Promise<string>) {}

  /** The text as of `askedAtMs` (of `performance.now`) or later. */
  since(askedAtMs: number): Promise<Buffer> {
    if (this.rendering.beganAtMs < askedAtMs) {
      const rendering = { beganAtMs: Number.POSITIVE_INFINITY, text: this.rendering.text }
      rendering.text = setImmediate().then(async () => {
        rendering.beganAtMs = performance.now()
        return Buffer.from(await this.render())
      })
      this.rendering = rendering
    }
    return this.rendering.text
  }
}
