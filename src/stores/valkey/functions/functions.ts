import { StoreDamagedError } from '../../../core/errors.js'
import type { Cluster } from '../connection/cluster.js'
import {
  type Arg,
  bytesOf,
  type Command,
  EngineError,
  itemAt,
  itemsOf,
  numberOf,
  type Reply,
  textOf,
  valueIn,
  wholeNumberOf,
} from '../connection/reply.js'
import type { Shards } from '../layout/shards.js'
import {
  type Call,
  commitCall,
  type Expectation,
  lookCall,
  type Question,
  type Write,
} from './call.js'
import { type LibraryFunction, nameInEngine } from './library.js'

/** Part of a sorted set. Scores as the engine takes them: `(5` leaves out 5 itself. */
export interface Part {
  readonly min: string
  readonly max: string
  readonly offset: number
  readonly limit: number
}

export interface Row {
  readonly member: Buffer
  readonly score: number
}

/** How far the engine's own walk has come, and in which process: another one begins anew. */
export interface ScanPlace {
  readonly process: string
  readonly cursor: string
}

export const SCAN_START: ScanPlace = { process: '', cursor: '0' }

export interface ScanStep {
  /** Members or fields, each with its score or value behind it. */
  readonly flat: readonly Reply[]
  /** Where it goes on; undefined: it has ended. */
  readonly next: ScanPlace | undefined
}

export interface RowWithRecord extends Row {
  /** undefined if there is none. */
  readonly record: Buffer | undefined
}

/** What reading a store takes, also one that no server has open. */
export interface ReadParts {
  readonly shards: Shards
  readonly functions: Functions
}

/** The functions of the library, on the shards of a cluster. */
export class Functions {
  constructor(readonly cluster: Cluster) {}

  /** The answers at length, all of one moment. */
  async look(shard: number, questions: readonly Question[]): Promise<readonly Reply[]> {
    return itemsOf(await this.read(shard, 'look', lookCall(questions)))
  }

  /**
   * Writes all or nothing, and resolves once that is durable: with null if it was as expected, otherwise with the answers at
   * length, and nothing is written. `isDurable` false: what is written may be lost with its master.
   */
  async commit(
    shard: number,
    expectations: readonly Expectation[],
    writes: readonly Write[],
    isDurable = true,
  ): Promise<readonly Reply[] | null> {
    const { keys, args } = commitCall(expectations, writes)
    const channel = writes.find(([op]) => op === 'EVENT')?.[1]
    const how = { isConfirmed: isDurable, channel }
    const name = nameInEngine('commit')
    const reply = await orDamaged(this.cluster.write(shard, name, keys, args, how))
    return reply === 1 ? null : itemsOf(reply)
  }

  /** A part of one sorted set, or of two that are read as one, and how many lie between the scores. */
  async page(
    shard: number,
    keys: readonly string[],
    part: Part,
  ): Promise<{ readonly total: number; readonly rows: readonly Row[] }> {
    const reply = itemsOf(await this.read(shard, 'page', { keys, args: partArgs(part, '') }))
    return { total: wholeNumberOf(reply[0]), rows: rowsOf(reply.slice(1)) }
  }

  /** The same with the record of each member. `records`: what comes before a member in the key of its record. */
  async pageOfRecords(
    shard: number,
    keys: readonly string[],
    part: Part,
    records: string,
  ): Promise<{ readonly total: number; readonly rows: readonly RowWithRecord[] }> {
    const reply = itemsOf(await this.read(shard, 'page', { keys, args: partArgs(part, records) }))
    const rows: RowWithRecord[] = []
    for (let i = 1; i < reply.length; i += 3) {
      rows.push({
        member: bytesOf(reply[i]),
        score: wholeNumberOf(reply[i + 1]),
        record: valueIn(reply[i + 2]),
      })
    }
    return { total: wholeNumberOf(reply[0]), rows }
  }

  /**
   * The rows of one sorted set, or of two that are read as one, behind a row that was there: the nearest first. `back`: those
   * before it.
   */
  async after(
    shard: number,
    keys: readonly string[],
    { member, score }: Row,
    limit: number,
    back = false,
  ): Promise<Row[]> {
    const args = [`${score}`, member, `${limit}`, back ? 'back' : '']
    return rowsOf(itemsOf(await this.read(shard, 'after', { keys, args })))
  }

  /** A step of the engine's own walk over a sorted set or a hash. */
  async scan(
    shard: number,
    command: 'ZSCAN' | 'HSCAN',
    key: string,
    { process, cursor }: ScanPlace,
    count: number,
  ): Promise<ScanStep> {
    const args = [command, cursor, `${count}`, process]
    const reply = itemsOf(await this.read(shard, 'scan', { keys: [key], args }))
    const next = { process: textOf(reply[0]), cursor: textOf(reply[1]) }
    return { flat: itemsOf(reply[2]), next: next.cursor === SCAN_START.cursor ? undefined : next }
  }

  /**
   * Which shards of one master have `news`: their stream does not end with the entry `detail`; or have something `due`: scores up
   * to `detail`. One that cannot be read there, because its slot has moved or its key is foreign, is among them.
   */
  async which(
    kind: 'news' | 'due',
    shards: readonly number[],
    of: (shard: number) => readonly [key: string, detail: string],
  ): Promise<number[]> {
    const args = [kind, ...shards.flatMap(of)]
    const reply = await this.cluster.readSeveral(shards, nameInEngine('which'), args)
    return itemsOf(reply).map((number) => itemAt(shards, numberOf(number) - 1))
  }

  /** `Cluster.command`, on keys of the store. */
  command(shard: number, commands: readonly Command[]): Promise<readonly Reply[]> {
    return orDamaged(this.cluster.command(shard, commands))
  }

  /**
   * The first members of a sorted set behind a place, with their values in a hash, once all that is durable. `mark`: a key, and
   * what is written to it for that.
   */
  async behind(
    shard: number,
    keys: { readonly order: string; readonly values: string; readonly mark: string },
    {
      place,
      limit,
      mark,
    }: { readonly place: number; readonly limit: number; readonly mark: Buffer },
  ): Promise<readonly (Row & { readonly value: Buffer | undefined })[]> {
    const names = [keys.order, keys.values, keys.mark]
    const args = [`${place}`, `${limit}`, mark]
    const written = this.cluster.write(shard, nameInEngine('behind'), names, args)
    const reply = itemsOf(await orDamaged(written))
    const rows: (Row & { value: Buffer | undefined })[] = []
    for (let i = 0; i < reply.length; i += 3) {
      const [member, score] = [bytesOf(reply[i]), wholeNumberOf(reply[i + 1])]
      rows.push({ member, score, value: valueIn(reply[i + 2]) })
    }
    return rows
  }

  private read(shard: number, name: LibraryFunction, { keys, args }: Call): Promise<Reply> {
    return orDamaged(this.cluster.read(shard, nameInEngine(name), keys, args))
  }
}

/** What is sorted before every member. */
export const BEFORE_ALL: Row = { member: Buffer.alloc(0), score: Number.NEGATIVE_INFINITY }
/** What is sorted behind every member. */
export const BEHIND_ALL: Row = { member: Buffer.alloc(0), score: Number.POSITIVE_INFINITY }

function partArgs({ min, max, offset, limit }: Part, records: string): Arg[] {
  return [min, max, `${offset}`, `${limit}`, records]
}

function rowsOf(flat: readonly Reply[]): Row[] {
  const rows: Row[] = []
  for (let i = 0; i < flat.length; i += 2) {
    rows.push({ member: bytesOf(flat[i]), score: wholeNumberOf(flat[i + 1]) })
  }
  return rows
}

/** A key of another type than ours is somebody else's. */
async function orDamaged<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (cause) {
    const isForeign = cause instanceof EngineError && /WRONGTYPE/.test(cause.message)
    throw isForeign
      ? new StoreDamagedError('a key of the store holds what no server writes there', cause)
      : cause
  }
}
