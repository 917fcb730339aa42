import { SessiondError, StoreDamagedError, StoreUnavailableError } from '../../core/errors.js'

/**
 * Maps a failure to what callers get: damage to StoreDamagedError (retrying does not help), LevelDB's other errors to
 * StoreUnavailableError. An error that is not LevelDB's is a bug, and stays as it is.
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

/** Whether LevelDB found bytes that it cannot have written, or misses a file. */
export function isDamage(error: unknown): boolean {
  const causes = [error, (error as Error | undefined)?.cause]
  return causes.some(
    (cause) =>
      codeOf(cause) === 'LEVEL_CORRUPTION' ||
      (codeOf(cause) === 'LEVEL_IO_ERROR' && /No such file/.test((cause as Error).message)),
  )
}

/** The message of LevelDB or of the system. */
export function reasonOf(error: unknown): string {
  const reason = (error as Error | undefined)?.cause ?? error
  return reason instanceof Error ? reason.message : `${reason}`
}

/** Adds the file that LevelDB could not read, without its directories. */
function named(problem: string, cause: unknown): string {
  const [, file] = /^IO error: (?:.*\/)?([^/]+: .*)$/.exec((cause as Error).message) ?? []
  return file === undefined ? problem : `${problem}: ${file}`
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** classic-level reports LEVEL_LOCKED for every error that the system returns for the lock. */
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
