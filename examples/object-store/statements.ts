// What the session key signs. Each begins with what it is for, so that no signature can pass as one for something else.
import { createHash } from 'node:crypto'

export const idOf = (content: Uint8Array): Buffer => createHash('sha256').update(content).digest()

export const putStatement = (container: Uint8Array, id: Uint8Array): Buffer =>
  statement('put', container, id)

export const getStatement = (container: Uint8Array, id: Uint8Array, timeMs: string): Buffer =>
  statement('get', container, id, Buffer.from(timeMs))

/** Every part has its length before it: no two lists of parts give the same bytes. */
function statement(what: string, ...parts: readonly Uint8Array[]): Buffer {
  const framed = parts.map((part) => Buffer.concat([Buffer.from([part.length]), part]))
  return Buffer.concat([Buffer.from(`objects.${what}\0`), ...framed])
}
