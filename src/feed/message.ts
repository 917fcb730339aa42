import { type Dialect, type Frame, frameOf, type Notice } from './protocol.js'

/** A notice on its way to many connections: encoded once a dialect, whatever their number. */
export class Message {
  private readonly frames: { [D in Dialect]?: Frame } = {}

  constructor(readonly notice: Notice) {}

  text(connectionId: number, dialect: Dialect): string {
    this.frames[dialect] ??= frameOf(this.notice, dialect)
    const { head, tail } = this.frames[dialect]
    return head + connectionId + tail
  }
}
