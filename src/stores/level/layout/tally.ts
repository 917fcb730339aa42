/** The counters that every commit writes. */
export interface Tally {
  readonly openSessions: number
  /** The number of commits since the store was made. */
  readonly commits: number
}

export const TALLY_BYTES = 16

/** Two doubles: every commit writes it, and an encoder costs more. */
export function encodeTally({ openSessions, commits }: Tally): Uint8Array {
  const bytes = Buffer.allocUnsafe(TALLY_BYTES)
  bytes.writeDoubleBE(openSessions, 0)
  bytes.writeDoubleBE(commits, 8)
  return bytes
}

export function decodeTally(bytes: Uint8Array): Tally {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { openSessions: view.getFloat64(0), commits: view.getFloat64(8) }
}
