import type { EpochSettings } from '../core/epoch.js'
import type { Session } from '../core/session.js'
import type { SessionStore } from '../core/store.js'
import type { CheckEvent, TrySeal } from '../core/upkeep/care.js'
import type { BackupCounts, BackupItem } from './backup-format.js'

/** Where a store is to be found, as the configuration says it. */
export interface StorePlace {
  /** Its kind: what `--store` says up to the first colon. */
  readonly kind: string
  /** What `--store` says behind that colon; empty: the kind's default. */
  readonly address: string
  readonly dataDir: string
  readonly traces: StoreTraces
}

/** What shows that a store was made, so that an empty one in its place does not hide that it is lost, or not mounted. */
export interface StoreTraces {
  /** A file for this purpose, made with the store. */
  readonly note: string
  /** Files that only a server which has a store writes to. */
  readonly usedFiles: readonly string[]
  /** Files, even empty ones, that only a server which had a store leaves there together. The first is named. */
  readonly leftTogether: readonly string[]
}

/**
 * One store of some kind, opened or not. What is optional here are capabilities: a kind of store that lacks one
 * leaves it out, and the command that needs it says so.
 */
export interface StoreEngine {
  /** What messages call the store. */
  readonly location: string

  /** Whether the store was made. Throws StoreUnavailableError where that cannot be seen. */
  exists(): Promise<boolean>

  /**
   * Opens the store, or makes it. May be called again after it threw StoreLockedError. Throws also
   * StoreMismatchError, StoreDamagedError and StoreUnavailableError.
   */
  open(options: StoreOptions): Promise<ServedStore>

  /** Checks a store that no server has open. Throws StoreLockedError, StoreMismatchError, StoreDamagedError. */
  readonly check?: (ports: ClosedCheckPorts) => AsyncIterable<CheckEvent>

  /**
   * Makes the store anew out of what can be read of it, while no server has it open, and keeps the old one. Yields
   * a line for each thing that is dropped or mended, without its content. Who stops asking for lines ends it, and nothing
   * is changed.
   */
  readonly repair?: (ports: RepairPorts) => AsyncGenerator<string, Repaired>

  /**
   * Makes the store out of the items of a backup: all of it or nothing. `name` is the file's. Throws InputFileError,
   * and StoreMismatchError where there is a store already.
   */
  readonly restore?: (
    items: AsyncGenerator<BackupItem, BackupCounts>,
    name: string,
  ) => Promise<BackupCounts>
}

export interface StoreOptions extends StoreHooks {
  /** Fixed once the store is made. */
  readonly epochs: EpochSettings
  /** Opens a damaged store all the same. */
  readonly acceptDamage?: boolean
}

/** What a store tells its server of, while it opens and while it is open. */
export interface StoreHooks {
  /** Damage that no caller is told of, in one line, and the file that it is in. */
  readonly onDamage?: (problem: string, file?: string) => void
  /** What the store is kept in was taken away from under it: no write is taken any more. */
  readonly onLost?: (reason: string) => void
  /** Whether what the store is kept in is still there cannot be seen for now. */
  readonly onUnseen?: (cause: unknown) => void
  /** So many rows that an earlier release wrote are as this release writes them; `isDone`: that was the last. */
  readonly onUpgrade?: (rows: number, isDone: boolean) => void
  /** Writes are refused from now on. */
  readonly onFailure?: (cause: unknown) => void
  /** Writes go on. */
  readonly onRecovery?: () => void
  /** A group of so many writes was committed. */
  readonly onCommit?: (durationMs: number, writes: number) => void
  /** A write begins to wait for its commit; what this returns is called when it waits no more. */
  readonly onWrite?: () => () => void
}

/** An open store, as a server and its operators use it. */
export interface ServedStore extends SessionStore {
  /** Whether writes are taken at this moment. */
  readonly isWritable: boolean

  /** Writes that wait for the next commit. */
  readonly queueDepth: number

  /** What is known of the health of the store. Cheap enough for a probe. */
  health(): StoreHealth

  /** From now on looks regularly after what the store is kept in; calls `onLost` once, when the store is lost. */
  watch(onLost: () => void): void

  /**
   * The store at this moment as a backup file, in chunks. Throws StoreDamagedError rather than leave out what cannot
   * be read, and StoreUnavailableError.
   */
  backup(nowMs: number): AsyncIterable<Uint8Array>

  /** Checks the store as it is at this moment. */
  check(ports: CheckPorts): AsyncIterable<CheckEvent>
}

export interface StoreHealth {
  /** No write is taken any more, whatever becomes of what the store is kept in. */
  readonly isLost: boolean
  /** What an operator should look at, a line each. */
  readonly findings: readonly string[]
}

export interface CheckPorts {
  /** Aborted when nobody waits for what is found: its reason is then thrown. */
  readonly signal?: AbortSignal
  /** When the sweep must next look at a session, as core/endings/expiry-rules.ts has it; Infinity for never. */
  readonly dueAtMs: (session: Session) => number
  readonly trySeal: TrySeal
}

export interface ClosedCheckPorts extends CheckPorts {
  /** What the store must have been made with. */
  readonly epochs: EpochSettings
}

export interface RepairPorts {
  readonly dueAtMs: CheckPorts['dueAtMs']
  /** null where no sealing keys are at hand: then seals are kept as they are. */
  readonly trySeal: TrySeal | null
  /** What the store was made with; one that has lost them gets these. */
  readonly epochs: EpochSettings
  readonly nowMs: number
  /** Says what would be done, and changes nothing. */
  readonly isDry: boolean
  /** Ends it with the signal's reason, and nothing is changed. */
  readonly signal?: AbortSignal
}

export interface RepairCounts {
  readonly sessions: number
  readonly seals: number
  readonly answers: number
}

export interface Repaired {
  readonly counts: RepairCounts
  /** Where the store is as it was before; null for a dry run, which leaves it in place. */
  readonly keptAs: string | null
}
