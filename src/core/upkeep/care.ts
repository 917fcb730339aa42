import type { Session } from '../session.js'

/** What the check of a store tells, as it goes. */
export type CheckEvent =
  /** What disagrees, in one line. Names sessions by their ids, and never has their content in it. */
  | { readonly problem: string }
  /** So many rows have no checksum yet, since an earlier release wrote them. */
  | { readonly unchecked: number }
  /** Roughly: the total may be overtaken. */
  | { readonly checkedRows: number; readonly totalRows: number }

/** Whether a sealed private key opens, and to the key of its session. */
export type SealVerdict =
  | { readonly opens: true }
  /** `isKeyMissing`: nothing is known but that the sealing key which it names is not at hand. */
  | { readonly opens: false; readonly reason: string; readonly isKeyMissing: boolean }

/** Opens the seal of a session, which has a token, and throws away what it finds. */
export type TrySeal = (session: Session, sealed: Uint8Array) => SealVerdict
