import { statSync } from 'node:fs'
import { backgroundInterval } from '../net/background-timers.js'

const POLL_INTERVAL_MS = 1000

/** The content of some files, as of their last successful reading. */
export interface WatchedFiles<T> {
  current(): T
  close(): void
}

export type ReadOutcome<T> = { readonly value: T } | { readonly error: unknown }

/**
 * Reads files, and reads them again whenever one of them changes. Where that fails the earlier content stays in force,
 * `onChange` gets the error, and the next change is read again. Throws what the first reading throws.
 */
export function watchFiles<T>(
  files: readonly string[],
  read: () => T,
  onChange: (outcome: ReadOutcome<T>) => void,
  { every = backgroundInterval } = {},
): WatchedFiles<T> {
  // Taken before the reading, so that a change during the reading is seen at the next poll.
  let seen = fingerprint(files)
  let current = read()
  // Polling also sees a file that is replaced, or that is reached through a symbolic link.
  const stop = every(POLL_INTERVAL_MS, () => {
    const found = fingerprint(files)
    if (found === seen) {
      return
    }
    seen = found
    try {
      current = read()
    } catch (error) {
      onChange({ error })
      return
    }
    onChange({ value: current })
  })
  return { current: () => current, close: stop }
}

/** Changes when a file is written, replaced, or can no longer be reached. */
function fingerprint(files: readonly string[]): string {
  return files.map(fingerprintOf).join()
}

function fingerprintOf(file: string): string {
  try {
    const found = statSync(file, { bigint: true })
    const { dev, ino, size, mtimeNs, ctimeNs } = found
    // A pipe can be read once; reading it again may never end.
    return found.isFile() ? [dev, ino, size, mtimeNs, ctimeNs].join(':') : 'no file'
  } catch (error) {
    // Reading the file tells what is wrong.
    return `${(error as NodeJS.ErrnoException).code}`
  }
}
