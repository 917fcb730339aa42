import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { Session as SessionMessage } from '#generated/sessiond/store/v1/store'
import { LevelStore, type LevelStoreOptions } from '../../src/stores/level/store.js'
import { fillStore, withLevel } from './care.js'
import { temporaryDirectory } from './process.js'
import { commandSession, EPOCHS } from './store-sessions.js'

/** The directory of a store that `fillStore` filled, closed. */
export async function filledStore(): Promise<string> {
  const location = join(await temporaryDirectory(onTestFinished), 'store')
  await fillStore(location)
  return location
}

/** Opens a store until the test ends. */
export async function openStore(
  location: string,
  options: Partial<LevelStoreOptions> = {},
): Promise<LevelStore> {
  const store = await LevelStore.open(location, { epochs: EPOCHS, sync: false, ...options })
  onTestFinished(() => store.close())
  return store
}

/** Alters one bit of a value in a store that is closed. */
export async function alter(location: string, key: Buffer): Promise<void> {
  await withLevel(location, async ({ bare }) => {
    const value = Buffer.from((await bare.get(key)) ?? '')
    value[0] = (value[0] as number) ^ 1
    await bare.put(key, value)
  })
}

/** The record of a session that has ended, as an earlier release left it: with its user. */
export function recordWithUser(id: string, user: string): Uint8Array {
  const open = { ...commandSession(id), closeTimeMs: 2000n, token: undefined, data: '' }
  const added = { endReason: 0, endedBy: '', requestAfterOpenMs: 0n, hasNoUser: false }
  const times = { openTimeMs: 1000n, requestTimeMs: 1000n }
  return SessionMessage.encode({ ...open, ...times, ...added, active: false, user }).finish()
}

/** Matches a StoreDamagedError. */
export const damaged = (message: RegExp) =>
  expect.objectContaining({ code: 'STORE_DAMAGED', message: expect.stringMatching(message) })

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) {
    found.push(item)
  }
  return found
}

/** An open store that has a table, since it was opened before, and the path of its last file with such a name. */
export async function openedTwice() {
  const location = await filledStore()
  const store = await openStore(location)
  const pathOf = async (name: RegExp) => {
    const names = (await readdir(location)).filter((file) => name.test(file))
    return join(location, names.at(-1) ?? '')
  }
  return { location, store, pathOf }
}
