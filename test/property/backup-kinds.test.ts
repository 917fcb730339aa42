import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { deadlineOfEnding, endingIn } from '../../src/core/endings/session-endings.js'
import { ownerText } from '../../src/core/owner-text.js'
import type { Session } from '../../src/core/session.js'
import { readBackup } from '../../src/stores/backup-reader.js'
import type { ServedStore } from '../../src/stores/engine.js'
import { restoreInPlace as restoreLevel } from '../../src/stores/level/maintenance/restore.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { ContentDigest } from '../../src/stores/rows/content-digest.js'
import { openCluster } from '../../src/stores/valkey/connection/cluster.js'
import { restoreInPlace as restoreValkey } from '../../src/stores/valkey/maintenance/restore.js'
import { auditLevel } from '../support/level-audit.js'
import { temporaryDirectory } from '../support/process.js'
import { commandSession, EPOCHS, ended, insert, tokenSession } from '../support/store-sessions.js'
import { suiteEnd } from '../support/suite-end.js'
import { auditValkey } from '../support/valkey-audit.js'
import { type EngineNode, haveValkey, startValkey } from '../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../support/valkey-store.js'

const RUNS = process.env.SESSIOND_TEST_LONG ? 500 : 15

const anyTime = fc.nat(10_000)
const anyOpened = fc.record({
  isToken: fc.boolean(),
  owner: fc.uint8Array({ minLength: 1, maxLength: 3 }),
  client: fc.constantFrom('browser', 'phone'),
  data: fc.option(fc.json()),
  id: fc.oneof(fc.uuid({ version: 4 }), fc.string({ minLength: 1, maxLength: 10 })),
  openTimeMs: anyTime,
  sweepAtMs: fc.option(anyTime, { nil: undefined }),
  /** The entry may share the deadline of its session. */
  hasKey: fc.boolean(),
  isShared: fc.boolean(),
  fate: fc.constantFrom('open', 'open', 'ended', 'removed'),
})
type Opened = typeof anyOpened extends fc.Arbitrary<infer T> ? T : never

async function fill(store: ServedStore, all: readonly Opened[]): Promise<void> {
  for (const opened of all) {
    const { isToken, owner, client, data, id, openTimeMs, sweepAtMs, hasKey, isShared, fate } =
      opened
    const parts = { client, data, openTimeMs, requestTimeMs: openTimeMs, userId: ownerText(owner) }
    const session = (isToken ? tokenSession : commandSession)(id, parts)
    const expiresTimeMs = (isShared && sweepAtMs) || 7
    await insert(
      store,
      session,
      {
        ...(isToken && { seal: Buffer.from(`seal of ${id}`) }),
        ...(sweepAtMs !== undefined && { sweepAtMs }),
        ...(hasKey && { idempotency: { bodySha256: Uint8Array.of(1), expiresTimeMs } }),
      },
      { idempotency: { owner, signer: owner, key: id } },
    )
    if (fate === 'ended') {
      await store.update(id, (current) => ({ session: ended(current) }))
    } else if (fate === 'removed') {
      await store.remove(id, () => true)
    }
  }
}

async function contentOf(store: ServedStore): Promise<ContentDigest> {
  const content = new ContentDigest()
  for await (const item of readBackup(store.backup(0), 'the backup')) {
    content.add(item)
  }
  return content
}

async function problemsIn(store: ServedStore): Promise<string[]> {
  const problems: string[] = []
  const ports = {
    dueAtMs: () => Number.POSITIVE_INFINITY,
    trySeal: () => ({ opens: true }) as const,
    endingDeadline: (session: Session) => {
      const ending = endingIn(session, EPOCHS)
      return ending && deadlineOfEnding(ending, EPOCHS)
    },
  }
  for await (const event of store.check(ports)) {
    problems.push(...('problem' in event ? [event.problem] : []))
  }
  return problems
}

describe.skipIf(!haveValkey())('a backup', () => {
  let node: EngineNode
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
  })

  async function intoValkey(from: ServedStore): Promise<void> {
    await node.call('FLUSHALL')
    const cluster = await openCluster(engineSettings(node.address))
    try {
      const items = readBackup(from.backup(0), 'the backup')
      await restoreValkey(cluster, items, { name: 'the backup', location: 'the store' })
    } finally {
      await cluster.close()
    }
  }

  it('of a store of either kind, restored into the other and back, has the same content', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyOpened, { maxLength: 20, selector: ({ id }) => id }),
        async (all) => {
          let remove = async () => {}
          const directory = await temporaryDirectory((atEnd) => {
            remove = atEnd
          })
          try {
            const level = await LevelStore.open(join(directory, 'store'), { epochs: EPOCHS })
            await fill(level, all)
            const content = await contentOf(level)
            await intoValkey(level)
            await level.close()
            expect(await auditValkey(node.address)).toEqual([])

            const valkey = await openValkeyStore(node.address)
            const back = join(directory, 'back')
            expect(content.difference(await contentOf(valkey))).toBeNull()
            expect(await problemsIn(valkey)).toEqual([])
            await restoreLevel(readBackup(valkey.backup(0), 'it'), back, 'it', true)
            await valkey.close()
            expect(await auditLevel(back)).toEqual([])
            const again = await LevelStore.open(back, { epochs: EPOCHS })
            expect(content.difference(await contentOf(again))).toBeNull()
            await again.close()
          } finally {
            await remove()
          }
        },
      ),
      { numRuns: RUNS },
    )
  }, 600_000)
})
