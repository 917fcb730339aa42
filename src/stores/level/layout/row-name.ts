import { StoreDamagedError } from '../../../core/errors.js'
import { readSized } from '../../rows/key-parts.js'
import { quoted } from '../../rows/record.js'
import { deadlineOf, idAfterTime, idOf, idOfEnding, LIST_TIME_OFFSET } from './keys.js'

export function damagedRow(key: Buffer): StoreDamagedError {
  return new StoreDamagedError(`${rowName(key)} fails its checksum`)
}

/** Names a row by its kind and its session, for messages. Never reveals its content. */
export function rowName(key: Buffer): string {
  try {
    const range = key.toString('latin1', 0, 1)
    switch (range) {
      case 's':
        return `session ${quoted(idOf(key))}: its record`
      case 'k':
        return `session ${quoted(idOf(key))}: its sealed key`
      case 't':
        return `session ${quoted(idAfterTime(key, LIST_TIME_OFFSET))}: its row in the list of all`
      case 'u': {
        const [, afterUser] = readSized(key.subarray(1))
        return `session ${quoted(idAfterTime(afterUser, 1))}: its row in the list of its user`
      }
      case 'c':
        return 'a list of sessions that a command opened'
      case 'i':
        return 'the entry of an idempotency key'
      case 'e':
        return `session ${quoted(idOfEnding(key))}: its ending`
      case 'x': {
        const deadline = deadlineOf(key)
        return deadline.kind === 'idempotency'
          ? 'the deadline of an idempotency key'
          : `session ${quoted(deadline.id)}: a deadline`
      }
      case 'm':
        return `the fact ${quoted(key.toString('latin1', 1))} about the store`
    }
  } catch {
    // The key is damaged as well.
  }
  return 'a row of no kind that a server writes'
}
