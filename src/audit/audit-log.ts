import { ConfigError } from '../config/config.js'
import { StoreUnavailableError } from '../core/errors.js'
import type { Audit, AuditEntry } from '../core/operators/audit.js'
import { snakeKeys } from '../core/snake-case.js'
import { isoText } from '../core/time-text.js'
import { isDescriptor, STDERR, STDOUT } from '../files/descriptors.js'
import { backgroundTimer } from '../net/background-timers.js'
import type { After } from '../net/timers.js'
import { type AuditFile, openAuditFile } from './audit-file.js'

const RETRY_DELAY_MS = 1000
/** How often a write first checks whether the file was renamed. */
const RENAME_CHECK_INTERVAL_MS = 1000

export interface AuditLogOptions {
  /** Unix time in milliseconds. */
  readonly nowMs: () => number
  /** Called once when entries cannot be written, until they can again. */
  readonly onFailure: (error: unknown) => void
  readonly onRecovery: () => void
  readonly openFile?: (path: string) => Promise<AuditFile>
  readonly after?: After
}

/** The audit log: a file that only grows, with one JSON object a line. */
export interface AuditLog extends Audit {
  /** How many entries are not in the file yet. */
  readonly pending: number
  /** Throws StoreUnavailableError if entries are lost because they cannot be written. */
  close(): Promise<void>
}

/** Throws StoreUnavailableError if the file cannot be opened, ConfigError if other output goes there too. */
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
 * Writes one batch at a time: entries recorded meanwhile go with the next. Lines that could not be written are kept and
 * written first. A partial write continues at the byte where it stopped, so that no line is lost, repeated or broken while
 * the process lives. After a line that a dead process left incomplete, a new line begins.
 */
class FileAuditLog implements AuditLog {
  /** Lines that no write has started. */
  private queue: string[] = []
  /** What is left of the current write, and its number of lines. */
  private rest: Uint8Array = Buffer.alloc(0)
  private restLines = 0
  private writing: Promise<void> | null = null
  private failure: unknown = null
  private cancelRetry = () => {}
  private renameCheckedAtMs: number
  private isMidLine: boolean

  constructor(
    private readonly path: string,
    private file: AuditFile,
    private readonly options: Required<AuditLogOptions>,
  ) {
    this.renameCheckedAtMs = options.nowMs()
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
    const time = isoText(this.options.nowMs())
    const line = { time, action, who: caller.name, from: caller.address, ...snakeKeys(facts) }
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
      // In the same turn as the last check of the queue: a later entry starts a new write.
      this.writing = null
    }
  }

  private async writeSome(): Promise<void> {
    if (this.rest.length === 0) {
      await this.reopenIfRenamed()
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

  /** Opens a new file if the old one was renamed, as logrotate does. */
  private async reopenIfRenamed(): Promise<void> {
    const nowMs = this.options.nowMs()
    // Absolute, because a clock that was set back must not stop the checks.
    if (Math.abs(nowMs - this.renameCheckedAtMs) < RENAME_CHECK_INTERVAL_MS) {
      return
    }
    if (await this.file.isMoved()) {
      const earlier = this.file
      this.file = await this.options.openFile(this.path)
      this.isMidLine = this.file.endsMidLine
      await earlier.close()
    }
    this.renameCheckedAtMs = nowMs
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
