import type { Session } from '../session.js'

/** What the check of a store reports while it runs. */
export type CheckEvent =
  /** One line. Names sessions by their ids, and never quotes their content. */
  | { readonly problem: string }
  /** How many rows have no checksum yet, because an earlier release wrote them. */
  | { readonly unchecked: number }
  /** The total is an estimate, and may be exceeded. */
  | { readonly checkedRows: number; readonly totalRows: number }

/** Whether a seal opens, and holds the key of its session. */
export type SealVerdict =
  | { readonly opens: true }
  /** `isKeyMissing`: the sealing key that it names is missing, so nothing more is known. */
  | { readonly opens: false; readonly reason: string; readonly isKeyMissing: boolean }

/** Tries to open the seal of a token session, and discards the seed. */
export type TrySeal = (session: Session, sealed: Uint8Array) => SealVerdict
