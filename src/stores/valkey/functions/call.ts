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
  /** To the stream of the shard. Its channel, on which other servers are told, has the same name. */
  | readonly [op: 'EVENT', key: string, id: string, version: Buffer]

/** The keys and arguments of a call. */
export interface Call {
  readonly keys: readonly string[]
  readonly args: readonly Arg[]
}

export function lookCall(questions: readonly Question[]): Call {
  const call = new CallWriter()
  call.ask(questions)
  return call.done()
}

export function commitCall(expectations: readonly Expectation[], writes: readonly Write[]): Call {
  const call = new CallWriter()
  call.ask(expectations)
  for (const { brief } of expectations) {
    call.args.push(brief)
  }
  for (const { op, key, args } of together(writes)) {
    call.form.push(op, call.numberOf(key), `${args.length}`)
    call.args.push(...args)
  }
  return call.done()
}

/** The form of a call, its keys and its further arguments, as library.lua takes them. */
class CallWriter {
  readonly form: string[] = []
  readonly args: Arg[] = []
  private readonly keys: string[] = []

  ask(questions: readonly Question[]): void {
    for (const { kind, key, detail } of questions) {
      this.form.push(kind, this.numberOf(key))
      if (detail !== undefined) {
        this.args.push(detail)
      }
    }
  }

  numberOf(key: string): string {
    const at = this.keys.indexOf(key)
    return `${at < 0 ? this.keys.push(key) : at + 1}`
  }

  done(): Call {
    return { keys: this.keys, args: [this.form.join(' '), ...this.args] }
  }
}

/** Commands that take several rows of a key at once. */
const TAKE_SEVERAL: ReadonlySet<Write[0]> = new Set(['ZADD', 'ZREM', 'HSET', 'HDEL'])

interface Command {
  readonly op: Write[0]
  readonly key: string
  readonly args: Arg[]
}

/** The writes as few commands: what one key gets from the same command goes together, unless it gets another in between. */
function together(writes: readonly Write[]): readonly Command[] {
  const commands: Command[] = []
  for (const [op, key, ...args] of writes) {
    const last = commands.findLast((command) => command.key === key)
    if (last?.op === op && TAKE_SEVERAL.has(op)) {
      last.args.push(...args)
    } else {
      commands.push({ op, key, args })
    }
  }
  return commands
}
