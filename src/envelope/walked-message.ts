type Part = Uint8Array | WalkedMessage
type Value = number | bigint | Part | Part[]

const NO_BYTES = new Uint8Array(0)
/** Keeps a byte order mark, which is text like any other here. */
const UTF_8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * A received message, taken apart: its own bytes, and what its fields hold, by number. Ask for a field as what
 * its shape says it is. A field that is absent gives what protobuf calls its default; a message gives undefined.
 */
export class WalkedMessage {
  readonly #values: Value[]

  /** `fields`: as many as the numbers that it may hold. */
  constructor(
    private readonly received: Uint8Array,
    private readonly start: number,
    private readonly end: number,
    fields: number,
  ) {
    this.#values = new Array(fields)
  }

  /** The whole message, as a slice of what was received. */
  get bytes(): Uint8Array {
    return this.received.subarray(this.start, this.end)
  }

  message(number: number): WalkedMessage | undefined {
    return this.#values[number] as WalkedMessage | undefined
  }

  /** Those of a repeated field of messages, in their order. */
  messages(number: number): readonly WalkedMessage[] {
    return (this.#values[number] as WalkedMessage[] | undefined) ?? []
  }

  /** The content of a field of bytes or text, or a message that nobody looked into, as a slice of what was received. */
  content(number: number): Uint8Array {
    return (this.#values[number] as Uint8Array | undefined) ?? NO_BYTES
  }

  /** The contents of a repeated field of bytes or text, in their order. */
  contents(number: number): readonly Uint8Array[] {
    return (this.#values[number] as Uint8Array[] | undefined) ?? []
  }

  text(number: number): string {
    return UTF_8.decode(this.content(number))
  }

  texts(number: number): string[] {
    return this.contents(number).map((content) => UTF_8.decode(content))
  }

  flag(number: number): boolean {
    return this.uint32(number) !== 0
  }

  uint32(number: number): number {
    return (this.#values[number] as number | undefined) ?? 0
  }

  uint64(number: number): bigint {
    return (this.#values[number] as bigint | undefined) ?? 0n
  }

  /** Of a field that stands several times the last counts, as for decoders. */
  set(number: number, value: number | bigint | Uint8Array | WalkedMessage): void {
    this.#values[number] = value
  }

  /** Adds to a repeated field. */
  add(number: number, part: Part): void {
    const parts = this.#values[number] as Part[] | undefined
    if (parts === undefined) {
      this.#values[number] = [part]
    } else {
      parts.push(part)
    }
  }
}
