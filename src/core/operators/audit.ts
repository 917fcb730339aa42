/** Who makes a call, and from where. */
export interface Caller {
  /** What proved the right to call: `admin token`, `client certificate CN=…`, or the listener's kind, such as `seneca`. */
  readonly name: string
  /** The peer, `HOST:PORT`. */
  readonly address: string
  /** Aborts when the caller waits for no answer any more. Absent: that is not known. */
  readonly signal?: AbortSignal
}

/** One line of the audit log. Never holds a secret. */
export interface AuditEntry {
  /** Such as `close`, `delete`, `erase`, `backup`, `rotate-keys`. */
  readonly action: string
  readonly caller: Caller
  /** What it concerned and how it ended: ids, counts. Their keys are snake_case in the log. */
  readonly facts: Readonly<Record<string, string | number | boolean>>
}

/** Where audit entries go. */
export interface Audit {
  /** Throws StoreUnavailableError while entries cannot be written. Then nothing that is audited may be done. */
  check(): Promise<void>
  /**
   * Writes the entry of something that was done. Resolves once the system has it. Throws StoreUnavailableError if that
   * failed for now: the entry is kept, and written as soon as possible.
   */
  record(entry: AuditEntry): Promise<void>
}
