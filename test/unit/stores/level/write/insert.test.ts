import { setImmediate } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { Observed } from '../../../../support/level-engine.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { commandSession, EPOCHS, ended, insert } from '../../../../support/store-sessions.js'

it('ends the session that is the oldest after a request that is being written', async () => {
  const observed = new Observed(await temporaryDirectory(onTestFinished))
  const store = await LevelStore.over(observed.database, { epochs: EPOCHS })
  onTestFinished(() => store.close())
  await insert(store, commandSession('a', { requestTimeMs: 1 }))
  await insert(store, commandSession('b', { requestTimeMs: 2 }))

  let write = () => {}
  const isWriting = new Promise<void>((resolve) => {
    observed.onWrite = async (commit) => {
      resolve()
      await new Promise<void>((go) => {
        write = go
      })
      await commit()
    }
  })
  const request = store.update('a', (session) => ({ session: { ...session, requestTimeMs: 3 } }))
  await isWriting
  observed.onWrite = (commit) => commit()
  const inserted = store.insert({ userId: 'alice', countOpenOfUser: true, oldest: 1 }, (seen) => ({
    insert: { session: commandSession('c', { requestTimeMs: 4 }) },
    ends: (seen.oldest ?? []).map((session) => ({ session: ended(session) })),
  }))
  // It has found `a`, which still is the oldest on disk, and waits for its lock.
  await setImmediate()
  write()
  await Promise.all([request, inserted])
  await expect(store.get('a')).resolves.toMatchObject({ active: true, requestTimeMs: 3 })
  await expect(store.get('b')).resolves.toMatchObject({ active: false })
})
