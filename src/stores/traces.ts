import { open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreMismatchError } from '../core/errors.js'
import { makeDirectory, syncDirectory } from '../files/directory.js'
import type { StoreTraces } from './engine.js'

/** Throws StoreMismatchError if there is a trace of a store that does not exist. */
export async function expectNotLost(location: string, traces: StoreTraces): Promise<void> {
  const trace = await findTrace(traces)
  if (trace !== undefined) {
    throw new StoreMismatchError(
      `${location} has no store, but ${trace} shows that there was one: put the store back in its place, or ` +
        '`sessiond restore` a backup; to begin with an empty store, move that file away',
    )
  }
}

async function findTrace({
  note,
  usedFiles,
  leftTogether,
}: StoreTraces): Promise<string | undefined> {
  for (const path of [note, ...usedFiles]) {
    const found = await stat(path).catch(absent)
    if (found !== null && (found.size > 0 || path === note)) {
      return path
    }
  }
  const left = await Promise.all(leftTogether.map((path) => stat(path).catch(absent)))
  return left.includes(null) ? undefined : leftTogether[0]
}

/** Writes the marker file durably, unless it exists. */
export async function noteMade({ note }: StoreTraces): Promise<void> {
  // The store may be elsewhere.
  await makeDirectory(dirname(note))
  const file = await open(note, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') {
      return null
    }
    throw error
  })
  if (file === null) {
    return
  }
  try {
    await file.writeFile(
      'A session store was made in this directory. Should it be lost, no server begins an empty one while this file is here.\n',
    )
    await file.sync()
  } finally {
    await file.close()
  }
  await syncDirectory(dirname(note))
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return null
  }
  throw error
}
