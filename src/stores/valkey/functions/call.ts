import type { Arg } from '../connection/reply.js'

/** What a function is asked of a key. `library.lua` has the kinds, and what each answers at length and in brief. */
export interface Question {
  readonly kind: 'value' | 'record' | 'count' | 'field' | 'score' | 'entry' | 'first' | 'last'
  readonly key: string
  /** Of `field`: its name. Of `score`: the member. Of `entry`: its id in the stream. Of `first`: what comes before an id in the key of its record. Of `last`: how many, and that. */
  readonly detail?: Arg
}

/** A question, and the answer in brief that a commit relies on. */
export interface Expectation extends Question {
  readonly brief: Arg
}

/** What a commit may write to a key. */
export type Write =
  | readonly [op: 'SET', key: string, value: Buffer]
  | readonly [op: 'DEL', key: string]
  | readonly [op: 'ZADD', key: string, score: string, member: Arg]
  | readonly [op: 'ZREM', key: string, member: Arg]
  | readonly [op: 'HSET', key: string, field: Arg, value: Buffer]
  | readonly [op: 'HDEL', key: string, field: Arg]
  /** Adds a member behind all others. */
  | readonly [op: 'APPEND', key: string, member: Arg]
  /** To the stream of the shard, and to whoever waits for it. */
  | readonly [op: 'EVENT', key: string, id: string, version: Buffer]

/** The keys and arguments of a call. */
export interface Call {
  readonly keys: readonly string[]
  readonly args: readonly Arg[]
}

export function lookCall(questions: readonly Question[]): Call {
  const numbers = new KeyNumbers()
  const args = questions.flatMap(({ kind, key, detail = '' }) => [kind, numbers.of(key), detail])
  return { keys: numbers.keys, args }
}

export function commitCall(expectations: readonly Expectation[], writes: readonly Write[]): Call {
  const numbers = new KeyNumbers()
  const args: Arg[] = [`${expectations.length}`]
  for (const { kind, key, detail = '', brief } of expectations) {
    args.push(kind, numbers.of(key), detail, brief)
  }
  for (const [op, key, ...rest] of writes) {
    args.push(op, numbers.of(key), ...rest)
  }
  return { keys: numbers.keys, args }
}

/** Each key once, and its number. */
class KeyNumbers {
  readonly keys: string[] = []

  of(key: string): string {
    const at = this.keys.indexOf(key)
    return `${at < 0 ? this.keys.push(key) : at + 1}`
  }
}
