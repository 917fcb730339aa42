import type { Dialect, Notice } from './protocol/messages.js'
import { frameOf } from './protocol/write.js'

/** Header of a text frame: FIN and the opcode (RFC 6455 section 5.2). */
const TEXT = 0x81
const LENGTH_16 = 126
const LENGTH_64 = 127
/** The most bytes of a frame besides its parameters: header, command and connection id. */
const OVERHEAD_BYTES = 32

/** WebSocket frames with room for a connection id of a known length. */
interface Layout {
  readonly bytes: Buffer
  /** Where the id goes, once per frame. */
  readonly idOffsets: readonly number[]
}

/** A notice for many connections, encoded once. */
export class Message {
  private readonly parts: { [D in Dialect]?: { readonly head: Buffer; readonly tail: Buffer } } = {}

  constructor(readonly notice: Notice) {}

  /** About how many bytes it takes on a connection. */
  get size(): number {
    return this.encoded('commands').tail.length + OVERHEAD_BYTES
  }

  /** Head and tail as bytes. The connection id goes between them. */
  encoded(dialect: Dialect) {
    const known = this.parts[dialect]
    if (known !== undefined) {
      return known
    }
    const { head, tail } = frameOf(this.notice, dialect)
    const parts = { head: Buffer.from(head), tail: Buffer.from(tail) }
    this.parts[dialect] = parts
    return parts
  }
}

/** A message, and the number of the entry that it is about; 0: it is about none. */
export interface Told {
  readonly message: Message
  readonly seq: number
}

/** Messages that are sent together. Connections get the same bytes except for their own ids. */
export class Batch {
  /** About how many bytes they take on a connection. */
  readonly size: number
  private readonly layouts = new Map<string, Layout>()
  private readonly lastSeq: number

  constructor(private readonly told: readonly Told[]) {
    this.size = told.reduce((sum, { message }) => sum + message.size, 0)
    this.lastSeq = told.reduce((last, { seq }) => Math.max(last, seq), 0)
  }

  /** The messages about entries up to this number; null if there are none. */
  upTo(seq: number): Batch | null {
    if (this.lastSeq <= seq) {
      return this
    }
    const told = this.told.filter((one) => one.seq <= seq)
    return told.length === 0 ? null : new Batch(told)
  }

  /** The frames for one connection. The caller owns the bytes. `connectionId` is an i32. */
  frames(connectionId: number, dialect: Dialect): Buffer {
    const id = Buffer.from(`${connectionId}`)
    const key = `${dialect} ${id.length}`
    let layout = this.layouts.get(key)
    if (layout === undefined) {
      layout = layOut(this.told, dialect, id.length)
      this.layouts.set(key, layout)
    }
    const bytes = Buffer.from(layout.bytes)
    for (const offset of layout.idOffsets) {
      for (let i = 0; i < id.length; i++) {
        bytes[offset + i] = id[i] as number
      }
    }
    return bytes
  }
}

function layOut(told: readonly Told[], dialect: Dialect, idLength: number): Layout {
  const parts: Buffer[] = []
  const idOffsets: number[] = []
  let length = 0
  for (const { message } of told) {
    const { head, tail } = message.encoded(dialect)
    const header = frameHeader(head.length + idLength + tail.length)
    idOffsets.push(length + header.length + head.length)
    parts.push(header, head, Buffer.alloc(idLength), tail)
    length += header.length + head.length + idLength + tail.length
  }
  return { bytes: Buffer.concat(parts, length), idOffsets }
}

function frameHeader(length: number): Buffer {
  if (length < LENGTH_16) {
    return Buffer.of(TEXT, length)
  }
  if (length < 2 ** 16) {
    return Buffer.of(TEXT, LENGTH_16, length >> 8, length & 0xff)
  }
  const header = Buffer.alloc(10)
  header[0] = TEXT
  header[1] = LENGTH_64
  header.writeUInt32BE(length, 6)
  return header
}
