/** Who asks for something that is audited, and from where. */
export interface Caller {
  /** What proved the right to ask: `admin token`, `client certificate CN=…`, or the listener's kind, such as `seneca`. */
  readonly name: string
  /** The peer, `HOST:PORT`. */
  readonly address: string
}

/** One line of the audit log. Never has a secret in it. */
export interface AuditEntry {
  /** What was done, such as `close`, `delete`, `erase`, `backup`, `rotate-keys`. */
  readonly action: string
  readonly caller: Caller
  /** What it was done to, and how it ended: ids, counts. */
  readonly facts: Readonly<Record<string, string | number | boolean>>
}

/** Where audit entries go. */
export interface Audit {
  /** Throws StoreUnavailableError while entries cannot be kept: what is audited is then not done. */
  check(): Promise<void>
  /**
   * Keeps the entry of something that was done. Resolves once the system has it. Throws
   * StoreUnavailableError where it does not have it yet: it follows as soon as it can.
   */
  record(entry: AuditEntry): Promise<void>
}
