import { createHash, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'

/** A token that callers must show. Only its digest is kept, so there is nothing that could be printed. */
export class Secret {
  readonly #digest: Buffer

  constructor(text: string) {
    this.#digest = digest(text)
  }

  /** In the same time whatever is given. */
  matches(given: string): boolean {
    return timingSafeEqual(digest(given), this.#digest)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
