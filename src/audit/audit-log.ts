import { ConfigError } from '../config/config.js'
import { StoreUnavailableError } from '../core/errors.js'
import type { Audit, AuditEntry } from '../core/operators/audit.js'
import { isDescriptor, STDERR, STDOUT } from '../files/descriptors.js'
import { backgroundTimer } from '../net/background-timers.js'
import type { After } from '../net/timers.js'
import { type AuditFile, openAuditFile } from './audit-file.js'

const RETRY_DELAY_MS = 1000
/** How often the file is looked for under its name, while there is something to write. */
const LOOK_INTERVAL_MS = 1000

export interface AuditLogOptions {
  /** Unix time in milliseconds. */
  readonly nowMs: () => number
  /** Entries cannot be written for now. Told once until they can be again. */
  readonly onFailure: (error: unknown) => void
  readonly onRecovery: () => void
  readonly openFile?: (path: string) => Promise<AuditFile>
  readonly after?: After
}

/** The audit log: a file to which lines are only ever added, one JSON object each. */
export interface AuditLog extends Audit {
  /** Entries that are not in the file yet. */
  readonly pending: number
  /** Throws StoreUnavailableError where entries are lost because they cannot be written. */
  close(): Promise<void>
}

/** Throws StoreUnavailableError where the file cannot be opened, ConfigError where it is not for us alone. */
export async function openAuditLog(path: string, options: AuditLogOptions): Promise<AuditLog> {
  if (isDescriptor(path, STDOUT) || isDescriptor(path, STDERR)) {
    throw new ConfigError([
      `--audit-log: ${path} is the server's standard output or error too, where its entries would mix with other lines: give a file`,
    ])
  }
  const { openFile = openAuditFile } = options
  const file = await openFile(path).catch((cause: unknown) => {
    const problem = `the audit log ${path} cannot be opened: ${(cause as Error).message}`
    throw new StoreUnavailableError(problem, cause)
  })
  return new FileAuditLog(path, file, { after: backgroundTimer, ...options, openFile })
}

/**
 * One write at a time: what is recorded meanwhile goes with the next. Lines that could not be written
 * are kept, and written before any other. A write that was cut short goes on with the byte that it
 * was cut at, so no line is lost, doubled or broken while the process lives; one that was cut with
 * its process is followed by a line of its own.
 */
class FileAuditLog implements AuditLog {
  /** Lines that no write has begun. */
  private queue: string[] = []
  /** The rest of the write that has begun, and of how many lines it is. */
  private rest: Uint8Array = Buffer.alloc(0)
  private restLines = 0
  private writing: Promise<void> | null = null
  private failure: unknown = null
  private cancelRetry = () => {}
  private lookedMs: number
  private isMidLine: boolean

  constructor(
    private readonly path: string,
    private file: AuditFile,
    private readonly options: Required<AuditLogOptions>,
  ) {
    this.lookedMs = options.nowMs()
    this.isMidLine = file.endsMidLine
  }

  get pending(): number {
    return this.queue.length + this.restLines
  }

  async check(): Promise<void> {
    if (this.failure !== null) {
      await this.flush()
    }
    this.throwIfFailing('so nothing is done that it must tell of')
  }

  async record({ action, caller, facts }: AuditEntry): Promise<void> {
    const time = new Date(this.options.nowMs()).toISOString()
    const line = { time, action, who: caller.name, from: caller.address, ...facts }
    this.queue.push(`${JSON.stringify(line)}\n`)
    await this.flush()
    this.throwIfFailing('what was done is told of there as soon as it can be')
  }

  async close(): Promise<void> {
    await this.flush()
    this.cancelRetry()
    await this.file.close()
    if (this.pending > 0) {
      const problem = `${this.pending} entries of the audit log ${this.path} were never written`
      throw new StoreUnavailableError(problem, this.failure)
    }
  }

  private throwIfFailing(consequence: string): void {
    if (this.failure !== null) {
      const problem = `the audit log cannot be written, ${consequence}`
      throw new StoreUnavailableError(problem, this.failure)
    }
  }

  private async flush(): Promise<void> {
    if (this.pending > 0) {
      this.writing ??= this.writeAll()
    }
    await this.writing
  }

  private async writeAll(): Promise<void> {
    try {
      while (this.pending > 0) {
        await this.writeSome()
      }
      if (this.failure !== null) {
        this.failure = null
        this.options.onRecovery()
      }
    } catch (error) {
      this.fail(error)
    } finally {
      // In the same turn as the last look at the queue: what comes later begins a write of its own.
      this.writing = null
    }
  }

  private async writeSome(): Promise<void> {
    if (this.rest.length === 0) {
      await this.followName()
      this.rest = Buffer.from((this.isMidLine ? '\n' : '') + this.queue.join(''))
      this.restLines = this.queue.length
      this.queue = []
    }
    const written = await this.file.write(this.rest)
    if (written === 0) {
      throw new StoreUnavailableError(`${this.path} takes no more bytes`)
    }
    this.rest = this.rest.subarray(written)
    if (this.rest.length === 0) {
      this.restLines = 0
      this.isMidLine = false
    }
  }

  /** Goes on in a new file where the old one was renamed, as logrotate does. */
  private async followName(): Promise<void> {
    const nowMs = this.options.nowMs()
    // Either way: a clock that was set back must not end the looking.
    if (Math.abs(nowMs - this.lookedMs) < LOOK_INTERVAL_MS) {
      return
    }
    if (await this.file.isMoved()) {
      const earlier = this.file
      this.file = await this.options.openFile(this.path)
      this.isMidLine = this.file.endsMidLine
      await earlier.close()
    }
    this.lookedMs = nowMs
  }

  private fail(error: unknown): void {
    if (this.failure === null) {
      this.options.onFailure(error)
    }
    this.failure = error
    this.cancelRetry()
    this.cancelRetry = this.options.after(RETRY_DELAY_MS, () => void this.flush())
  }
}
