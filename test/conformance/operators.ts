import { describe, expect } from 'vitest'
import { deadlineOfEnding, endingIn } from '../../src/core/endings/session-endings.js'
import { StoreUnavailableError } from '../../src/core/errors.js'
import type { Session } from '../../src/core/session.js'
import { readBackup } from '../../src/stores/backup-reader.js'
import type { CheckPorts, ServedStore } from '../../src/stores/engine.js'
import { decodeSession } from '../../src/stores/rows/codec.js'
import { commandSession, EPOCHS, ended, insert, tokenSession } from '../support/store-sessions.js'
import { BODY, KEYED, keyedSession, SEAL, type StoreHarness, type StoreTest } from './given.js'

const PORTS: CheckPorts = {
  dueAtMs: () => Number.POSITIVE_INFINITY,
  trySeal: () => ({ opens: true }),
  endingDeadline: (session) => {
    const ending = endingIn(session, EPOCHS)
    return ending && deadlineOfEnding(ending, EPOCHS)
  },
}

/** Capability `operators`. */
export function operatorsTests(it: StoreTest): void {
  describe('an operator', () => {
    it('is told that a store which is whole takes writes and needs nothing', ({ harness }) => {
      const store = served(harness)
      expect([store.isWritable, store.queueDepth]).toEqual([true, 0])
      expect(store.health()).toEqual({ isLost: false, findings: [] })
    })

    it('gets a backup with all of a user as of one moment, while that user writes', async ({
      harness,
    }) => {
      const store = served(harness)
      await insert(store, commandSession('session 0'))
      let isOver = false
      const writing = (async () => {
        for (let i = 1; !isOver; i++) {
          await replaceOldest(store, `session ${i}`)
        }
      })()
      const opens: number[] = []
      try {
        for (let round = 0; round < 10; round++) {
          const sessions = await sessionsIn(store.backup(7000))
          opens.push(sessions.filter(({ active }) => active).length)
        }
      } finally {
        isOver = true
        await writing
      }
      expect(opens).toEqual(Array.from(opens, () => 1))
    })

    it('is told of no problem in what the store wrote itself', async ({ harness }) => {
      const store = served(harness)
      await insert(store, keyedSession('1'), { seal: SEAL, idempotency: BODY }, KEYED)
      await insert(store, commandSession('2'))
      await store.remove('1', () => true)
      expect(await problemsOf(store)).toEqual([])
    })

    it('is told of each seal that does not open', async ({ harness }) => {
      const store = served(harness)
      await insert(store, tokenSession('1'), { seal: SEAL })
      const trySeal = () => ({ opens: false, reason: 'torn', isKeyMissing: false }) as const
      expect(await problemsOf(store, { ...PORTS, trySeal })).toEqual([
        expect.stringMatching(/"1".*torn/),
      ])
    })

    it('gets neither backup nor check from a store that is closed', async ({ harness }) => {
      const store = served(harness)
      await store.close()
      expect(store.isWritable).toBe(false)
      const backup = readBackup(store.backup(7000), 'the backup')
      await expect(backup.next()).rejects.toThrow(StoreUnavailableError)
      await expect(problemsOf(store)).rejects.toThrow(StoreUnavailableError)
    })
  })
}

async function problemsOf(store: ServedStore, ports = PORTS): Promise<string[]> {
  const problems: string[] = []
  for await (const event of store.check(ports)) {
    problems.push(...('problem' in event ? [event.problem] : []))
  }
  return problems
}

/** Opens a session in the commit that ends the only other one. */
async function replaceOldest(store: ServedStore, id: string): Promise<void> {
  await store.insert({ userId: 'alice', countOpenOfUser: false, oldest: 1 }, ({ oldest = [] }) => ({
    insert: { session: commandSession(id) },
    ends: oldest.map((session) => ({ session: ended(session) })),
  }))
}

async function sessionsIn(chunks: AsyncIterable<Uint8Array>): Promise<Session[]> {
  const sessions: Session[] = []
  for await (const item of readBackup(chunks, 'the backup')) {
    sessions.push(...(item.kind === 'session' ? [decodeSession(item.record)] : []))
  }
  return sessions
}

export function served({ served }: StoreHarness): ServedStore {
  if (served === undefined) {
    throw new Error('the harness has no store for operators: it lacks "operators"')
  }
  return served
}
