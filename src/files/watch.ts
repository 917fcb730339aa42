import { statSync } from 'node:fs'
import { backgroundInterval } from '../net/background-timers.js'

const POLL_INTERVAL_MS = 1000

/** What some files say, as of the last time that they could be read. */
export interface WatchedFiles<T> {
  current(): T
  close(): void
}

export type ReadOutcome<T> = { readonly value: T } | { readonly error: unknown }

/**
 * Reads files, and again whenever one of them has changed; what cannot be read leaves what was read
 * before in force, is told once, and is tried again at the next change. Throws what the first reading
 * throws.
 */
export function watchFiles<T>(
  files: readonly string[],
  read: () => T,
  onChange: (outcome: ReadOutcome<T>) => void,
  { every = backgroundInterval } = {},
): WatchedFiles<T> {
  // Looked at before the reading: what changes meanwhile is then seen at the next look.
  let seen = fingerprint(files)
  let current = read()
  // By polling: it also sees a file that is replaced, or reached over a symbolic link.
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

/** Differs when a file was written to, replaced, or cannot be reached any more. */
function fingerprint(files: readonly string[]): string {
  return files.map(fingerprintOf).join()
}

function fingerprintOf(file: string): string {
  try {
    const found = statSync(file, { bigint: true })
    const { dev, ino, size, mtimeNs, ctimeNs } = found
    // A pipe gives what it holds once, and to read it again may wait for ever.
    return found.isFile() ? [dev, ino, size, mtimeNs, ctimeNs].join(':') : 'no file'
  } catch (error) {
    // Reading it says what is wrong.
    return `${(error as NodeJS.ErrnoException).code}`
  }
}
