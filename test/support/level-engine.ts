import { Level } from 'level'
import { Database } from '../../src/stores/level/database.js'

/** What a LevelStore asks of LevelDB, and where a test may interfere. */
export class Observed {
  readonly database: Database
  /** The batches that were written, or should have been. */
  readonly writes: { readonly rows: number; readonly sync: boolean }[] = []
  /** How many keys each walk has read. */
  readonly walks: number[] = []
  recordsRead = 0
  /** How many rows were looked up by themselves. */
  lookups = 0
  closes = 0
  /** Stands in for each write; calls `write` where it shall happen. */
  onWrite = (write: () => Promise<void>): Promise<void> => write()
  /** Comes before each read of a walk, of keys alone or of rows. */
  onRead = async (): Promise<void> => {}
  /** Each read fails with it. */
  failure: Error | null = null
  /** Comes before each compaction. */
  onCompact = async (): Promise<void> => {}
  /** Comes before each closing of the database. */
  onClose = async (): Promise<void> => {}

  constructor(location: string) {
    const observe = (level: Level<Buffer, Uint8Array>) => this.observe(level)
    class Engine extends Level<Buffer, Uint8Array> {
      constructor(...args: ConstructorParameters<typeof Level<Buffer, Uint8Array>>) {
        super(...args)
        observe(this)
      }
    }
    this.database = new Database(location, Engine)
  }

  private observe(level: Level<Buffer, Uint8Array>): void {
    const original = {
      batch: level.batch.bind(level),
      keys: level.keys.bind(level),
      iterator: level.iterator.bind(level),
      getMany: level.getMany.bind(level),
      getSync: level.getSync.bind(level),
      close: level.close.bind(level),
    }
    // Missing in the types of `level`, since not every platform has it.
    const compacting = level as unknown as { compactRange(...range: Buffer[]): Promise<void> }
    const compactRange = compacting.compactRange.bind(level)
    compacting.compactRange = async (...range) => {
      await this.onCompact()
      await compactRange(...range)
    }
    Object.assign(level, {
      batch: () => {
        const batch = original.batch()
        const write = batch.write.bind(batch)
        return Object.assign(batch, {
          write: (options: { sync: boolean }) => {
            this.writes.push({ rows: batch.length, sync: options.sync })
            return this.onWrite(() => write(options))
          },
        })
      },
      keys: (options: Parameters<typeof original.keys>[0]) => {
        const walk = this.walks.push(0) - 1
        const keys = original.keys(options)
        const nextv = keys.nextv.bind(keys)
        return Object.assign(keys, {
          nextv: async (size: number) => {
            this.expectNoFailure()
            await this.onRead()
            const rows = await nextv(size)
            this.walks[walk] = (this.walks[walk] ?? 0) + rows.length
            return rows
          },
        })
      },
      iterator: (options: Parameters<typeof original.iterator>[0]) => {
        const rows = original.iterator(options)
        const nextv = rows.nextv.bind(rows)
        return Object.assign(rows, {
          nextv: async (size: number) => {
            this.expectNoFailure()
            await this.onRead()
            return nextv(size)
          },
        })
      },
      getSync: (key: Buffer, options: object) => {
        this.expectNoFailure()
        this.lookups++
        return original.getSync(key, options)
      },
      getMany: async (keys: Buffer[], options: object) => {
        this.expectNoFailure()
        this.recordsRead += keys.length
        return original.getMany(keys, options)
      },
      close: async () => {
        this.closes++
        await this.onClose()
        await original.close()
      },
    })
  }

  private expectNoFailure(): void {
    if (this.failure !== null) {
      throw this.failure
    }
  }
}
