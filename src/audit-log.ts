import { open } from 'node:fs/promises'
import type { Audit, AuditEntry } from './core/audit.js'
import { StoreUnavailableError } from './core/errors.js'

/** The audit log: a file to which lines are only ever added, one JSON object each. */
export interface AuditLog extends Audit {
  close(): Promise<void>
}

/**
 * Opens the file, or makes it, for its owner's eyes. What is recorded while a line is on its way goes
 * with the next write. Throws StoreUnavailableError where the file cannot be opened.
 */
export async function openAuditLog(
  path: string,
  nowMs: () => number,
  onFailure: (error: unknown) => void,
): Promise<AuditLog> {
  const file = await open(path, 'a', 0o600).catch((cause: unknown) => {
    throw new StoreUnavailableError(`the audit log ${path} cannot be opened`, cause)
  })
  /** Lines that are not in the file yet: after a failure they stay, and go first. */
  let pending: string[] = []
  let writing: Promise<void> | null = null
  let isFailing = false

  async function writeAll(): Promise<void> {
    while (pending.length > 0) {
      const lines = pending
      try {
        await file.appendFile(lines.join(''))
      } catch (error) {
        isFailing = true
        onFailure(error)
        return
      }
      isFailing = false
      pending = pending.slice(lines.length)
    }
  }

  function flush(): Promise<void> {
    writing ??= writeAll().finally(() => {
      writing = null
    })
    return writing
  }

  return {
    async check() {
      if (isFailing) {
        await flush()
      }
      if (isFailing) {
        throw new StoreUnavailableError(
          'the audit log cannot be written, so nothing is done that it must tell of',
        )
      }
    },
    record({ action, caller, facts }: AuditEntry) {
      const line = {
        time: new Date(nowMs()).toISOString(),
        action,
        who: caller.name,
        from: caller.address,
        ...facts,
      }
      pending.push(`${JSON.stringify(line)}\n`)
      return flush()
    },
    async close() {
      await flush()
      await file.close()
    },
  }
}
