import { describe, expect } from 'vitest'
import { StoreUnavailableError } from '../../src/core/errors.js'
import { readBackup } from '../../src/stores/backup-reader.js'
import type { CheckPorts, ServedStore } from '../../src/stores/engine.js'
import { commandSession, insert, tokenSession } from '../support/store-sessions.js'
import { BODY, KEYED, keyedSession, SEAL, type StoreHarness, type StoreTest } from './given.js'

const PORTS: CheckPorts = {
  dueAtMs: () => Number.POSITIVE_INFINITY,
  trySeal: () => ({ opens: true }),
}

/** Capability `operators`. */
export function operatorsTests(it: StoreTest): void {
  describe('an operator', () => {
    it('is told that a store which is whole takes writes and needs nothing', ({ harness }) => {
      const store = served(harness)
      expect([store.isWritable, store.queueDepth]).toEqual([true, 0])
      expect(store.health()).toEqual({ isLost: false, findings: [] })
    })

    it('gets a backup of one moment, while writes go on', async ({ harness }) => {
      const store = served(harness)
      await insert(store, keyedSession('1'), { seal: SEAL, idempotency: BODY }, KEYED)
      await insert(store, commandSession('2'), { sweepAtMs: 100 })
      const items = readBackup(store.backup(7000), 'the backup')
      const { value: header } = await items.next()
      expect(header).toMatchObject({ kind: 'header', timeMs: 7000 })
      await insert(store, commandSession('3'))
      for (;;) {
        const { value, done } = await items.next()
        if (done) {
          expect(value).toEqual({ header: 1, session: 2, seal: 1, entry: 1, deadline: 2 })
          return
        }
      }
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

function served({ served }: StoreHarness): ServedStore {
  if (served === undefined) {
    throw new Error('the harness has no store for operators: it lacks "operators"')
  }
  return served
}
