import { mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreLockedError, StoreMismatchError } from '../../../../src/core/errors.js'
import type { InsertScope, Seen } from '../../../../src/core/store.js'
import { encodeInfo, newInfo } from '../../../../src/stores/level/layout/info.js'
import { INFO_KEY } from '../../../../src/stores/level/layout/keys.js'
import { LevelStore } from '../../../../src/stores/level/store.js'
import { withChecksum } from '../../../../src/stores/rows/checksum.js'
import { fillStore, withLevel } from '../../../support/care.js'
import { auditLevel } from '../../../support/level-audit.js'
import { Observed } from '../../../support/level-engine.js'
import { temporaryDirectory } from '../../../support/process.js'
import {
  commandSession,
  EPOCHS,
  ended,
  insert,
  listIds,
  tokenSession,
} from '../../../support/store-sessions.js'

async function open(location: string, epochs = EPOCHS): Promise<LevelStore> {
  const store = await LevelStore.open(location, { epochs })
  onTestFinished(() => store.close())
  return store
}

const KEY = { owner: Uint8Array.of(1), signer: Uint8Array.of(2), key: 'key' }

describe('opening', () => {
  it('makes the directory for its owner alone', async () => {
    const location = join(await temporaryDirectory(onTestFinished), 'data', 'store')
    await open(location)
    expect((await stat(location)).mode & 0o777).toBe(0o700)
  })

  it('leaves a directory that is there as it is', async () => {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    await mkdir(location, { mode: 0o750 })
    await open(location)
    expect((await stat(location)).mode & 0o777).toBe(0o750)
  })

  it('does not take a database that has lost CURRENT for an empty directory', async () => {
    const location = await temporaryDirectory(onTestFinished)
    await (await open(location)).close()
    await rm(join(location, 'CURRENT'))
    const names = (await readdir(location)).filter((name) => /^(MANIFEST|\d)/.test(name))
    await expect(LevelStore.open(location, { epochs: EPOCHS })).rejects.toThrow(
      'CURRENT: is missing',
    )
    expect(await readdir(location)).toEqual(expect.arrayContaining(names))
  })

  it('makes a store where the first start of one was cut off before it had anything', async () => {
    const location = await temporaryDirectory(onTestFinished)
    await writeFile(join(location, 'MANIFEST-000001'), 'half')
    await (await open(location)).close()
    expect(await readdir(location)).toContain('CURRENT')
  })

  it('does not take for empty what the system does not let it look into', async () => {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    await symlink(location, location)
    await expect(LevelStore.open(location, { epochs: EPOCHS })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/cannot be read: ELOOP/),
    })
  })

  it('refuses a directory that another one has open', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const store = await open(location)
    const attempt = LevelStore.open(location, { epochs: EPOCHS })
    await expect(attempt).rejects.toThrow(StoreLockedError)
    await expect(attempt).rejects.toThrow(location)
    await store.close()
    await open(location)
  })

  it.each([
    ['another genesis', { genesisAtMs: 1000, lengthMs: 1000 }, /1970-01-01T00:00:01.000Z/],
    ['another length', { genesisAtMs: 0, lengthMs: 15_000 }, /--epoch-length 1000ms.*15000ms/],
  ])('refuses %s, and leaves the store as it was', async (_, epochs, message) => {
    const location = await temporaryDirectory(onTestFinished)
    await (await open(location)).close()
    const attempt = LevelStore.open(location, { epochs })
    await expect(attempt).rejects.toThrow(StoreMismatchError)
    await expect(attempt).rejects.toThrow(message)
    await open(location)
  })

  it('refuses another layout, and what is no session store', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const level = new Level<Buffer, Uint8Array>(location, {
      keyEncoding: 'buffer',
      valueEncoding: 'view',
    })
    await level.put(Buffer.from('something'), Uint8Array.of(1))
    await level.close()
    await expect(open(location)).rejects.toThrow(StoreMismatchError)
    await expect(open(location)).rejects.toThrow(/not a session store/)

    await level.open()
    await level.put(
      INFO_KEY,
      withChecksum(INFO_KEY, encodeInfo({ ...newInfo(EPOCHS), layoutVersion: 6 })),
    )
    await level.close()
    await expect(open(location)).rejects.toThrow(StoreMismatchError)
    await expect(open(location)).rejects.toThrow(/layout 6; this release reads layouts 1, 2, 4, 5/)
  })
})

describe('a store that is opened again', () => {
  it('has everything, with its counts, keys, seals and deadlines', async () => {
    const location = await temporaryDirectory(onTestFinished)
    const first = await open(location)
    const [opened, created] = [commandSession('1'), tokenSession('2', { requestTimeMs: 2000 })]
    const over = ended(tokenSession('3', { requestTimeMs: 3000 }))
    const idempotency = { bodySha256: new Uint8Array(32), expiresTimeMs: 700 }
    await insert(first, opened, { sweepAtMs: 500 })
    await insert(
      first,
      created,
      { seal: Uint8Array.of(5), sweepAtMs: 600, idempotency },
      { idempotency: KEY },
    )
    await insert(first, over)
    await first.close()

    const second = await open(location)
    await expect(second.get('1')).resolves.toEqual(opened)
    await expect(second.get('3')).resolves.toEqual(over)
    await expect(second.seal('2')).resolves.toEqual(Uint8Array.of(5))
    await expect(second.countOpen()).resolves.toBe(2)
    await expect(listIds(second)).resolves.toEqual(['3', '2', '1'])
    await expect(second.due(1000, 10)).resolves.toEqual([
      { kind: 'session', timeMs: 500, id: '1' },
      { kind: 'session', timeMs: 600, id: '2' },
      { kind: 'idempotency', timeMs: 700, scope: KEY },
    ])
    const scope: InsertScope = {
      userId: 'alice',
      idempotency: KEY,
      reuse: { address: '192.0.2.1', client: 'browser' },
      countOpenOfUser: true,
    }
    let seen: Seen | undefined
    await second.insert(scope, (now) => {
      seen = now
      return { keep: opened }
    })
    expect(seen).toEqual({
      openOfUser: 2,
      openInAll: 2,
      idempotency: { bodySha256: idempotency.bodySha256, sessionId: '2', session: created },
      reusable: opened,
    })
    await second.update('1', (session) => ({ session: ended(session) }))
    await second.close()
    await expect((await open(location)).countOpen()).resolves.toBe(1)
  })
})

it('has no row without a value, since the memory of an empty one is never freed', async () => {
  const location = join(await temporaryDirectory(onTestFinished), 'store')
  await fillStore(location)
  const rows = await withLevel(location, (level) => level.iterator().all())
  const empty = rows.filter(([, value]) => value.length === 0)
  expect(empty.map(([key]) => key.toString('latin1'))).toEqual([])
})

describe('a list', () => {
  async function fill(count: number) {
    const location = await temporaryDirectory(onTestFinished)
    const observed = new Observed(location)
    const store = await LevelStore.over(observed.database, { epochs: EPOCHS, sync: false })
    onTestFinished(() => store.close())
    await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const session = commandSession(`${i}`, { userId: `user ${i % 7}`, requestTimeMs: i })
        return insert(store, i % 2 ? session : ended(session))
      }),
    )
    observed.walks.length = 0
    return { store, observed }
  }

  it.each([
    ['one value of active', { active: true }, [100]],
    ['both', {}, [100, 100]],
    ['a user', { userId: 'user 1', active: false }, [100]],
  ])('reads a page of rows and records: %s', async (_, query, walks) => {
    const { store, observed } = await fill(2000)
    const page = await store.list({ ...query, skip: 0, take: 100, total: false })
    expect(page.sessions).toHaveLength(100)
    expect(observed.walks).toEqual(walks)
    expect(observed.recordsRead).toBe(100)
  })

  it('walks index keys alone for skip and total', async () => {
    const { store, observed } = await fill(5000)
    const page = await store.list({ skip: 4990, take: 100, total: true })
    expect(page.sessions.map(({ id }) => id)).toEqual([...'9876543210'])
    expect(page.total).toBe(5000)
    expect(observed.recordsRead).toBe(10)
  })

  it('sees one moment, whatever is committed while it walks', async () => {
    const { store, observed } = await fill(20)
    observed.onRead = async () => {
      observed.onRead = async () => {}
      await store.update('19', (session) => ({ session: ended(session) }))
      await store.remove('18', () => true)
    }
    const page = await store.list({ skip: 0, take: 100, total: true })
    expect(page.total).toBe(20)
    expect(page.sessions).toHaveLength(20)
    expect(page.sessions.slice(0, 2)).toMatchObject([
      { id: '19', active: true },
      { id: '18', active: false },
    ])
  })
})

describe('the audit', () => {
  it.each([
    ['an index row too few', (key: Buffer) => key.toString().startsWith('t'), /missing: t/],
    ['a record too few', (key: Buffer) => key.toString().startsWith('s'), /left over: t/],
    ['a deadline too few', (key: Buffer) => key.toString().startsWith('x'), /left over: i/],
    ['a seal too few', (key: Buffer) => key.toString().startsWith('k'), /missing: k/],
    ['no count', (key: Buffer) => key.toString().startsWith('mt'), /1 sessions are open, but 0/],
  ])('finds %s', async (_, isLost, finding) => {
    const location = await temporaryDirectory(onTestFinished)
    const store = await open(location)
    await insert(
      store,
      tokenSession('1'),
      { seal: Uint8Array.of(1), idempotency: { bodySha256: KEY.owner, expiresTimeMs: 5 } },
      { idempotency: KEY },
    )
    await store.close()
    await expect(auditLevel(location)).resolves.toEqual([])
    const level = new Level<Buffer, Uint8Array>(location, {
      keyEncoding: 'buffer',
      valueEncoding: 'view',
    })
    for (const key of await level.keys().all()) {
      if (isLost(key)) {
        await level.del(key)
      }
    }
    await level.close()
    expect((await auditLevel(location)).join('\n')).toMatch(finding)
  })
})
