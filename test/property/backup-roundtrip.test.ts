import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readBackup } from '../../src/stores/backup-reader.js'
import { restoreItems } from '../../src/stores/level/maintenance/restore.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { rowsIn } from '../support/care.js'
import { auditLevel } from '../support/level-audit.js'
import { commandSession, EPOCHS, ended, insert, tokenSession } from '../support/store-sessions.js'

const RUNS = process.env.SESSIOND_TEST_LONG ? 1000 : 25

const anyText = fc.string({ unit: 'grapheme', maxLength: 20 })
const anyTime = fc.nat(10_000)
const anyOpened = fc.record({
  isToken: fc.boolean(),
  userId: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('alice', 'bob') },
    { weight: 1, arbitrary: anyText },
  ),
  client: fc.constantFrom('browser', 'phone'),
  data: fc.option(fc.json()),
  openTimeMs: anyTime,
  requestTimeMs: anyTime,
  /** Or when the idempotency entry expires. */
  sweepAtMs: fc.oneof(
    fc.option(anyTime, { nil: undefined }),
    fc.constant('with the entry' as const),
  ),
  key: fc.option(fc.string({ minLength: 1, maxLength: 8 }), { nil: undefined }),
  fate: fc.constantFrom('open', 'open', 'ended', 'removed'),
})

it('a backup of any store, restored, is that store', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyOpened, { maxLength: 30, size: 'max' }), async (all) => {
      const directory = await mkdtemp(join(tmpdir(), 'sessiond-'))
      try {
        const source = join(directory, 'source')
        const made = join(directory, 'made')
        const store = await LevelStore.open(source, { epochs: EPOCHS, sync: false })
        for (const [i, { isToken, sweepAtMs, key, fate, ...parts }] of all.entries()) {
          const session = (isToken ? tokenSession : commandSession)(`id ${i}`, parts)
          const scope = { owner: Uint8Array.of(i), signer: Uint8Array.of(1), key: key ?? '' }
          await insert(
            store,
            session,
            {
              ...(isToken && { seal: Buffer.from(`seal ${i}`) }),
              ...(sweepAtMs !== undefined && {
                sweepAtMs: sweepAtMs === 'with the entry' ? i : sweepAtMs,
              }),
              ...(key !== undefined && {
                idempotency: { bodySha256: Uint8Array.of(1), expiresTimeMs: i },
              }),
            },
            { idempotency: scope },
          )
          if (fate === 'ended') {
            await store.update(session.id, (current) => ({ session: ended(current) }))
          } else if (fate === 'removed') {
            await store.remove(session.id, () => true)
          }
        }
        const items = readBackup(store.backup(1), 'the backup')
        const counts = await restoreItems(items, made, 'the backup')
        await store.close()
        expect(await auditLevel(made)).toEqual([])
        expect(await rowsIn(made)).toEqual(await rowsIn(source))
        expect(counts.session).toBe(all.filter(({ fate }) => fate !== 'removed').length)
      } finally {
        await rm(directory, { recursive: true })
      }
    }),
    { numRuns: RUNS },
  )
}, 600_000)
