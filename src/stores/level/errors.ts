import { SessiondError, StoreDamagedError, StoreUnavailableError } from '../../core/errors.js'

/**
 * What a failure of the database is to callers: of one that is damaged trying again is of no use. What is not of
 * LevelDB's making is a fault of ours, and stays as it is.
 */
export function storeError(problem: string, cause: unknown): unknown {
  if (cause instanceof SessiondError) {
    return cause
  }
  if (isDamage(cause)) {
    return new StoreDamagedError('the session store is damaged: a file of it cannot be read', cause)
  }
  return `${codeOf(cause)}`.startsWith('LEVEL_')
    ? new StoreUnavailableError(named(problem, cause), cause)
    : cause
}

/** Whether LevelDB met bytes that it cannot have written, or misses a file. */
export function isDamage(error: unknown): boolean {
  const causes = [error, (error as Error | undefined)?.cause]
  return causes.some(
    (cause) =>
      codeOf(cause) === 'LEVEL_CORRUPTION' ||
      (codeOf(cause) === 'LEVEL_IO_ERROR' && /No such file/.test((cause as Error).message)),
  )
}

/** What LevelDB or the system says. */
export function reasonOf(error: unknown): string {
  const reason = (error as Error | undefined)?.cause ?? error
  return reason instanceof Error ? reason.message : `${reason}`
}

/** A file that the system does not let LevelDB read is named, without the directories above it. */
function named(problem: string, cause: unknown): string {
  const [, file] = /^IO error: (?:.*\/)?([^/]+: .*)$/.exec((cause as Error).message) ?? []
  return file === undefined ? problem : `${problem}: ${file}`
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** classic-level says LEVEL_LOCKED whatever the system said when it was asked for the lock. */
export function isHeldElsewhere(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'LEVEL_LOCKED' &&
    /: (?:Resource temporarily unavailable|already held by process)$|^IO error: LockFile /.test(
      error.message,
    )
  )
}
