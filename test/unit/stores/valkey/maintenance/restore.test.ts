import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { InputFileError, StoreMismatchError } from '../../../../../src/core/errors.js'
import type { BackupItem } from '../../../../../src/stores/backup-format.js'
import { readBackup } from '../../../../../src/stores/backup-reader.js'
import { backupFile } from '../../../../../src/stores/backup-writer.js'
import { LevelStore } from '../../../../../src/stores/level/store.js'
import { type Cluster, openCluster } from '../../../../../src/stores/valkey/connection/cluster.js'
import { Shards } from '../../../../../src/stores/valkey/layout/shards.js'
import { restoreInPlace } from '../../../../../src/stores/valkey/maintenance/restore.js'
import { fillStore } from '../../../../support/care.js'
import { collect } from '../../../../support/damage.js'
import { temporaryDirectory } from '../../../../support/process.js'
import { EPOCHS } from '../../../../support/store-sessions.js'
import { suiteEnd } from '../../../../support/suite-end.js'
import { type EngineNode, haveValkey, startValkey } from '../../../../support/valkey-cluster.js'
import { engineSettings, openValkeyStore } from '../../../../support/valkey-store.js'

const SCOPE = { owner: Uint8Array.of(1), signer: Uint8Array.of(2), key: 'a key' }
const { lease } = new Shards(16).keysOf(0)

describe.skipIf(!haveValkey())('a restore into an engine', () => {
  let node: EngineNode
  let whole: Buffer
  let backup: Buffer
  const atEnd = suiteEnd()
  beforeAll(async () => {
    node = await startValkey(atEnd)
    const location = `${await temporaryDirectory(atEnd)}/store`
    await fillStore(location)
    const level = await LevelStore.open(location, { epochs: EPOCHS })
    whole = Buffer.concat(await collect(level.backup(0)))
    await level.close()
  })
  beforeEach(async () => {
    backup = whole
    await node.call('FLUSHALL')
  })

  /** `onRead` runs when the first half of the backup was read, `onLock` before each try to get the lease. */
  async function restore(
    onRead: () => Promise<void> = async () => {},
    onLock: () => void = () => {},
  ): Promise<void> {
    const opened = await openCluster(engineSettings(node.address))
    onTestFinished(() => opened.close())
    const cluster: Cluster = {
      ...opened,
      command(shard, commands) {
        if (commands[0]?.[0] === 'SET') {
          onLock()
        }
        return opened.command(shard, commands)
      },
    }
    const chunks = (async function* () {
      const half = backup.length / 2
      yield backup.subarray(0, half)
      await onRead()
      yield backup.subarray(half)
    })()
    await restoreInPlace(cluster, readBackup(chunks, 'it'), { name: 'it', location: 'the store' })
  }

  async function countAll(): Promise<number | null> {
    const store = await openValkeyStore(node.address)
    onTestFinished(() => store.close())
    const { total } = await store.list({ skip: 0, take: 1, total: true })
    return total
  }

  it('that stood still while another one made the store changes nothing of it', async () => {
    let total = 0
    const isRefused = restore(async () => {
      await node.call('DEL', lease)
      await restore()
      const store = await openValkeyStore(node.address)
      const { sessions } = await store.list({ skip: 0, take: 100, total: false })
      total = sessions.length - 1
      await store.remove(sessions[0]?.id as string, () => true)
      await store.close()
    })
    await expect(isRefused).rejects.toThrow(StoreMismatchError)
    expect(total).toBeGreaterThan(0)
    expect(await countAll()).toBe(total)
  })

  it('that stood still deletes nothing of what another one is writing', async () => {
    let first = Promise.resolve()
    let goOn = () => {}
    await new Promise<void>((resolve, reject) => {
      const isStarted = () => {
        resolve()
        return new Promise<void>((later) => {
          goOn = later
        })
      }
      first = restore(isStarted)
      first.catch(reject)
    })
    await node.call('DEL', lease)
    await restore(async () => {
      goOn()
      await expect(first).rejects.toThrow(StoreMismatchError)
    })
    expect(await countAll()).toBeGreaterThan(0)
  })

  it('that waited while another one made the store finds it', async () => {
    let waiting = Promise.resolve()
    await restore(
      () =>
        new Promise((resolve) => {
          waiting = restore(undefined, resolve)
          waiting.catch(() => {})
        }),
    )
    await expect(waiting).rejects.toThrow('already holds a store')
    expect(await countAll()).toBeGreaterThan(0)
  })

  it.for<[string, BackupItem]>([
    ['a record', { kind: 'session', record: Uint8Array.of(7) }],
    ['an idempotency key', { kind: 'entry', scope: SCOPE, entry: Uint8Array.of(7) }],
    ['an ending', { kind: 'ending', ending: Uint8Array.of(7) }],
  ])('says that %s in the file cannot be read, and leaves nothing', async ([_, item]) => {
    backup = Buffer.concat(
      await collect(
        backupFile(
          (async function* () {
            yield { kind: 'header', timeMs: 0, epochs: EPOCHS } as const
            yield item
          })(),
        ),
      ),
    )
    await expect(restore()).rejects.toThrow(InputFileError)
    expect(await node.call('DBSIZE')).toBe(0)
  })
})
