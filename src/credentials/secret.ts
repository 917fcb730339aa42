import { createHash, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'

/** A token that callers must present. It keeps only the digest, so that nothing can print the token. */
export class Secret {
  readonly #digest: Buffer

  constructor(text: string) {
    this.#digest = digest(text)
  }

  /** Compares in constant time. */
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
