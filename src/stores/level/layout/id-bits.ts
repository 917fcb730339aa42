import { FREE_ID_BITS } from '../../../core/uuid.js'

/** With 5,000 new sessions a second, those of a step take 30 MB, which are a few of LevelDB's files. Steps repeat after 18 hours. */
const STEP_MS = 16_000

/**
 * The bits with which ids begin: the time, in steps. So the records and seals of new sessions lie together, and LevelDB merges them
 * with each other. It merges random ids with those of all other sessions: 60 µs of CPU more for each, beside ten million.
 */
export function idBitsAt(nowMs: number): number {
  return Math.floor(nowMs / STEP_MS) % 2 ** FREE_ID_BITS
}
