import type { EpochSettings } from '../core/epoch.js'
import type { Session } from '../core/session.js'
import type { EndingDeadline, SessionStore } from '../core/store.js'
import type { CheckEvent, TrySeal } from '../core/upkeep/care.js'
import type { TcpAddress } from '../net/address.js'
import type { BackupCounts, BackupItem } from './backup-format.js'

/** Where a store is to be found, as the configuration says it. */
export interface StorePlace {
  /** Its kind: what `--store` says up to the first colon. */
  readonly kind: string
  /** What `--store` says behind that colon; empty: the kind's default. */
  readonly address: string
  readonly dataDir: string
  readonly access: StoreAccess
  readonly traces: StoreTraces
}

/** How a store is reached that other processes keep. */
export interface StoreAccess {
  /** How many replicas must have received a write before it is acknowledged. */
  readonly replicas: number
  /** How long a read or a write may take. */
  readonly timeoutMs: number
  /** null: without a password. */
  readonly passwordFile: string | null
  /** Authorities that vouch for the store's certificate, PEM; null: those that Node knows. */
  readonly caFile: string | null
  /** What the store is shown, PEM; null: no client certificate. */
  readonly clientFiles: { readonly cert: string; readonly key: string } | null
  /** Where nodes are reached, by the `HOST:PORT` that they announce, if that is another. */
  readonly nat: ReadonlyMap<string, TcpAddress>
}

/** Evidence that a store was made: it keeps an empty store from replacing one that is lost or not mounted. */
export interface StoreTraces {
  /** A marker file, written when the store is made. */
  readonly note: string
  /** Files that only a server with a store writes to: evidence unless empty. */
  readonly usedFiles: readonly string[]
  /** Files that only a server with a store leaves behind together, even empty. Messages name the first. */
  readonly leftTogether: readonly string[]
}

/**
 * One store of some kind, open or not. The optional members are capabilities: a kind of store that lacks one omits
 * it, and the command that needs it says so.
 */
export interface StoreEngine {
  /** The store's name in messages. */
  readonly location: string

  /** Whether the store exists. Throws StoreUnavailableError if that cannot be determined. */
  exists(): Promise<boolean>

  /**
   * Opens the store; makes it first if necessary. Throws StoreLockedError (it may then be called again),
   * StoreMismatchError, StoreDamagedError and StoreUnavailableError.
   */
  open(options: StoreOptions): Promise<ServedStore>

  /** Checks a store that no server has open. Throws StoreLockedError, StoreMismatchError, StoreDamagedError. */
  readonly check?: (ports: ClosedCheckPorts) => AsyncIterable<CheckEvent>

  /**
   * Rebuilds the store from everything that can be read, while no server has it open, and keeps the old one. Yields
   * one line for each thing that it drops or mends, never its content. Stopping the iteration cancels the repair.
   */
  readonly repair?: (ports: RepairPorts) => AsyncGenerator<string, Repaired>

  /**
   * Makes the store from the items of a backup, all or nothing. `name` is the file's. `source`: the items are those of another
   * store; all is then read back before the store appears, and where a store can, an interrupted run goes on when it is run
   * again. Throws InputFileError, and StoreMismatchError if there is a store already.
   */
  readonly restore?: (
    items: AsyncGenerator<BackupItem, BackupCounts>,
    name: string,
    source?: string,
  ) => Promise<BackupCounts>
}

export interface StoreOptions extends StoreHooks {
  /** Fixed once the store is made. */
  readonly epochs: EpochSettings
  /** Opens the store even if it is damaged (default: false). */
  readonly acceptDamage?: boolean
  /** It is opened to be copied, while no server uses it: throws StoreLockedError if one does (default: false). */
  readonly isCopied?: boolean
}

/** What a store reports to its server, while opening and while open. */
export interface StoreHooks {
  /** Damage that no caller sees, in one line, and the file that it is in. */
  readonly onDamage?: (problem: string, file?: string) => void
  /** The store's files were taken away while it was open: it refuses all writes from now on. */
  readonly onLost?: (reason: string) => void
  /** The store cannot determine for now whether its files are still there. */
  readonly onUnseen?: (cause: unknown) => void
  /** Progress of upgrading a store of an earlier release: rows upgraded so far, and whether it is done. */
  readonly onUpgrade?: (rows: number, isDone: boolean) => void
  /** A write failed: the store refuses writes until it recovers. */
  readonly onFailure?: (cause: unknown) => void
  /** The store takes writes again. */
  readonly onRecovery?: () => void
  /** Files for TLS to the store changed and cannot be used: what they held before stays. Told once for each reason. */
  readonly onTlsUnread?: (reason: Error) => void
  /** A group of `writes` was committed. */
  readonly onCommit?: (durationMs: number, writes: number) => void
  /**
   * The engine, another process, answered calls that went to it together. `waitMs`: how much longer it took until its
   * replicas had what they wrote.
   */
  readonly onRoundTrip?: (durationMs: number, waitMs?: number) => void
  /** A call goes to the engine once more: it was redirected, refused for now, or lost. */
  readonly onRetry?: () => void
  /** A write begins to wait for its commit. The function that this returns is called when the wait ends. */
  readonly onWrite?: () => () => void
}

/** An open store, as a server and its operators use it. */
export interface ServedStore extends SessionStore {
  /** Whether the store takes writes now. */
  readonly isWritable: boolean

  /** The number of writes that wait for the next commit. */
  readonly queueDepth: number

  /** Of a store that other servers share: by shard, since when this server may not know of all that they changed. */
  readonly eventLags?: () => Iterable<readonly [shard: number, ms: number]>

  /** The store's health, cheap enough for every probe. */
  health(): StoreHealth

  /**
   * Starts to look regularly whether the store is there and takes writes, until it is closed. Calls `onServing` with false
   * when it does not, and with true when it does again.
   */
  watch(onServing: (isServing: boolean) => void): void

  /**
   * A backup file of the current state, in chunks. Throws StoreDamagedError rather than omit what cannot be read,
   * and StoreUnavailableError.
   */
  backup(nowMs: number): AsyncIterable<Uint8Array>

  /** Checks the current state of the store. */
  check(ports: CheckPorts): AsyncIterable<CheckEvent>
}

export interface StoreHealth {
  /** The files were taken away: the store never takes writes again, even if they come back. */
  readonly isLost: boolean
  /** What an operator should look into, one line each. */
  readonly findings: readonly string[]
}

export interface CheckPorts {
  /** Aborting it ends the check and throws its reason. */
  readonly signal?: AbortSignal
  /** When the sweep is next due for a session (core/endings/expiry-rules.ts); Infinity for never. */
  readonly dueAtMs: (session: Session) => number
  readonly trySeal: TrySeal
  /** The deadline of what must still be remembered of an ended session; null: nothing. */
  readonly endingDeadline: (session: Session) => EndingDeadline | null
}

export interface ClosedCheckPorts extends CheckPorts {
  /** What the store must have been made with. */
  readonly epochs: EpochSettings
}

export interface RepairPorts {
  readonly dueAtMs: CheckPorts['dueAtMs']
  /** null if there are no sealing keys: seals are then kept unopened. */
  readonly trySeal: TrySeal | null
  /** What the store was made with; a store that has lost its own gets these. */
  readonly epochs: EpochSettings
  readonly nowMs: number
  /** Reports what a repair would do, and changes nothing. */
  readonly isDry: boolean
  /** Aborting it cancels the repair and throws its reason. */
  readonly signal?: AbortSignal
}

export interface RepairCounts {
  readonly sessions: number
  readonly seals: number
  readonly entries: number
}

export interface Repaired {
  readonly counts: RepairCounts
  /** Where the old store is now; null after a dry run. */
  readonly keptAs: string | null
}
