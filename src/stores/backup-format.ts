import { createHash } from 'node:crypto'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { BackupItem as BackupMessage, type BackupScope } from '#generated/sessiond/store/v1/backup'
import type { EpochSettings } from '../core/epoch.js'
import type { Deadline, IdempotencyScope } from '../core/store.js'

/** The first bytes of a backup file. Items follow, each preceded by its length as a varint. */
export const MAGIC = Buffer.from('sessiond-backup 2\n')
/**
 * Those of format 1, as long as MAGIC. Its items are read in the same way, but its releases would misread records of
 * format 2: they leave out what their other fields tell.
 */
export const EARLIER_MAGIC = Buffer.from('sessiond-backup 1\n')

/** One item of a backup. A backup has no item that can be derived from the others. */
export type BackupItem =
  | {
      readonly kind: 'header'
      readonly timeMs: number
      readonly epochs: EpochSettings
      /** How many parts may follow, each in the order of ITEM_KINDS (default 1). */
      readonly parts?: number
    }
  /** An encoded record. */
  | { readonly kind: 'session'; readonly record: Uint8Array }
  | { readonly kind: 'seal'; readonly id: string; readonly sealed: Uint8Array }
  /** An encoded entry. */
  | { readonly kind: 'entry'; readonly scope: IdempotencyScope; readonly entry: Uint8Array }
  | {
      readonly kind: 'deadline'
      readonly deadline: Deadline
      /** Whose entry is forgotten when this deadline of a session is settled. */
      readonly sharedBy?: IdempotencyScope
    }
  /** An encoded ending. Its deadline follows from it. */
  | { readonly kind: 'ending'; readonly ending: Uint8Array }

/** The order of the kinds in a part of a file. */
export const ITEM_KINDS = ['header', 'session', 'seal', 'entry', 'deadline', 'ending'] as const

export type BackupCounts = Readonly<Record<BackupItem['kind'], number>>

/** Counts and digests the items of a file: the last item must agree with both. */
export class BackupSum {
  private readonly hash = createHash('sha256')
  readonly counts: Record<BackupItem['kind'], number> = {
    header: 0,
    session: 0,
    seal: 0,
    entry: 0,
    deadline: 0,
    ending: 0,
  }

  /** `magic`: the first bytes of the file. */
  constructor(magic: Uint8Array = MAGIC) {
    this.hash.update(magic)
  }

  /** `bytes`: an item with its length. */
  add(kind: BackupItem['kind'], bytes: Uint8Array): void {
    this.counts[kind]++
    this.hash.update(bytes)
  }

  /** The last item. Call it once. */
  end(): Buffer {
    const { session, seal, entry, deadline, ending } = this.counts
    return sized({
      end: {
        sessions: BigInt(session),
        seals: BigInt(seal),
        answers: BigInt(entry),
        deadlines: BigInt(deadline),
        endings: BigInt(ending),
        sha256: this.hash.digest(),
      },
    })
  }
}

/** An item with its length before it. */
export function encodeItem(item: BackupItem): Buffer {
  switch (item.kind) {
    case 'header':
      return sized({
        header: {
          timeMs: BigInt(item.timeMs),
          epochGenesisMs: BigInt(item.epochs.genesisAtMs),
          epochLengthMs: BigInt(item.epochs.lengthMs),
          parts: item.parts ?? 0,
        },
      })
    case 'session':
      return sized({ session: item.record })
    case 'seal':
      return sized({ seal: { sessionId: item.id, sealed: item.sealed } })
    case 'entry':
      return sized({ answer: { scope: item.scope, entry: item.entry } })
    case 'ending':
      return sized({ ending: item.ending })
    case 'deadline': {
      const { deadline, sharedBy } = item
      return sized({
        deadline: {
          timeMs: BigInt(deadline.timeMs),
          sessionId: deadline.kind === 'session' ? deadline.id : '',
          scope: deadline.kind === 'idempotency' ? deadline.scope : sharedBy,
        },
      })
    }
  }
}

/** Reverses `encodeItem`, without the length; null for the last item. Throws if the bytes are no item. */
export function decodeItem(bytes: Uint8Array): BackupItem | null {
  const { header, session, seal, answer, deadline, ending, end } = BackupMessage.decode(bytes)
  if (header !== undefined) {
    const epochs = {
      genesisAtMs: Number(header.epochGenesisMs),
      lengthMs: Number(header.epochLengthMs),
    }
    const parts = header.parts > 0 ? { parts: header.parts } : {}
    return { kind: 'header', timeMs: Number(header.timeMs), epochs, ...parts }
  }
  if (session.length > 0) {
    return { kind: 'session', record: session }
  }
  if (seal !== undefined) {
    return { kind: 'seal', id: seal.sessionId, sealed: seal.sealed }
  }
  if (answer !== undefined) {
    return { kind: 'entry', scope: scopeOf(answer.scope), entry: answer.entry }
  }
  if (deadline !== undefined) {
    const { sessionId: id, scope } = deadline
    const timeMs = Number(deadline.timeMs)
    return scope !== undefined && id === ''
      ? { kind: 'deadline', deadline: { kind: 'idempotency', timeMs, scope: scopeOf(scope) } }
      : {
          kind: 'deadline',
          deadline: { kind: 'session', timeMs, id },
          ...(scope !== undefined && { sharedBy: scopeOf(scope) }),
        }
  }
  if (ending.length > 0) {
    return { kind: 'ending', ending }
  }
  if (end !== undefined) {
    return null
  }
  throw new Error('it is of no kind that this release knows')
}

function scopeOf(scope: BackupScope | undefined): IdempotencyScope {
  if (scope === undefined) {
    throw new Error('it has no scope')
  }
  const { owner, signer, key } = scope
  return { owner: Uint8Array.from(owner), signer: Uint8Array.from(signer), key }
}

function sized(message: Partial<BackupMessage>): Buffer {
  const bytes = BackupMessage.encode({
    header: undefined,
    session: new Uint8Array(),
    seal: undefined,
    answer: undefined,
    deadline: undefined,
    ending: new Uint8Array(),
    end: undefined,
    ...message,
  }).finish()
  return Buffer.from(new BinaryWriter().bytes(bytes).finish())
}
