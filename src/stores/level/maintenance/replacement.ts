import { basename, dirname, join } from 'node:path'
import { StoreMismatchError } from '../../../core/errors.js'
import { holdsDatabase, namesIn } from '../database.js'

/** What a repair calls the store that it makes, until that takes the place of the old one. */
export function replacementOf(location: string, suffix: string): string {
  return `${location}.repairing-${suffix}`
}

/**
 * Throws StoreMismatchError where a repair was cut off when the old store was out of its place and the new one
 * not in it yet: who made an empty store there would hide both.
 */
export async function expectNoReplacement(location: string): Promise<void> {
  if (await holdsDatabase(location)) {
    return
  }
  const names = await namesIn(dirname(location))
  const name = names.find((other) => other.startsWith(replacementOf(basename(location), '')))
  if (name !== undefined) {
    throw new StoreMismatchError(
      `${location} is missing, but ${join(dirname(location), name)} is there, which a repair that was ` +
        `cut off has left: rename it to ${location}, or delete it to begin with an empty store`,
    )
  }
}
