import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Level } from 'level'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Session as SessionRecord } from '#generated/sessiond/store/v1/store'
import { Sessions } from '../../../../src/core/commands/sessions.js'
import { Expiry } from '../../../../src/core/endings/expiry.js'
import { EpochClock } from '../../../../src/core/epoch.js'
import type { AuditEntry } from '../../../../src/core/operators/audit.js'
import type { Session } from '../../../../src/core/session.js'
import type { RawLevel } from '../../../../src/stores/level/byte-level.js'
import { Database } from '../../../../src/stores/level/database.js'
import {
  decodeSession,
  encodeInfo,
  encodeSession,
  type Info,
} from '../../../../src/stores/level/layout/codec.js'
import { newInfo, readInfoRow } from '../../../../src/stores/level/layout/info.js'
import {
  deadlineKey,
  INFO_KEY,
  indexKeys,
  openedKey,
  RANGES,
  sealKey,
  sessionKey,
  sized,
} from '../../../../src/stores/level/layout/keys.js'
import { entryOf } from '../../../../src/stores/level/layout/opened.js'
import { withChecksum } from '../../../../src/stores/level/layout/row-checksum.js'
import { backUp } from '../../../../src/stores/level/maintenance/backup.js'
import {
  expectWholeFiles,
  StartAttempts,
} from '../../../../src/stores/level/maintenance/start-check.js'
import { addChecksums } from '../../../../src/stores/level/maintenance/upgrade.js'
import { LevelStore } from '../../../../src/stores/level/store.js'
import { fillStore, NOW_MS, PORTS, problemsIn, rowsIn, withLevel } from '../../../support/care.js'
import { temporaryDirectory } from '../../../support/process.js'
import { CALLER, NO_AUDIT } from '../../../support/sessions.js'
import { commandSession, EPOCHS, ended, insert } from '../../../support/store-sessions.js'

const SAMPLE = fileURLToPath(new URL('../../../samples/store-layout-1/data/store', import.meta.url))

async function filled(): Promise<string> {
  const location = join(await temporaryDirectory(onTestFinished), 'store')
  await fillStore(location)
  return location
}

async function opened(
  location: string,
  options: Partial<Parameters<typeof LevelStore.open>[1]> = {},
) {
  const store = await LevelStore.open(location, { epochs: EPOCHS, sync: false, ...options })
  onTestFinished(() => store.close())
  return store
}

/** Alters one bit of a stored value. */
async function alter(location: string, key: Buffer): Promise<void> {
  await withLevel(location, async ({ bare }) => {
    const value = Buffer.from((await bare.get(key)) ?? '')
    value[0] = (value[0] as number) ^ 1
    await bare.put(key, value)
  })
}

const ALICE = commandSession('alice')
const all = { skip: 0, take: 100, total: false }
const damaged = (message: RegExp) =>
  expect.objectContaining({ code: 'STORE_DAMAGED', message: expect.stringMatching(message) })

describe('a row that was altered', () => {
  it.each<[string, Buffer, RegExp, (store: LevelStore) => Promise<unknown>]>([
    ['get', sessionKey('alice'), /session "alice": its record/, (store) => store.get('alice')],
    ['list', sessionKey('alice'), /session "alice": its record/, (store) => store.list(all)],
    [
      'findOpened',
      openedKey('alice', '192.0.2.1', 'browser'),
      /a list of sessions that a command opened/,
      (store) => store.findOpened('alice', '192.0.2.1', 'browser'),
    ],
    [
      'seal',
      sealKey('token-1'),
      /session "token-1": its sealed key/,
      (store) => store.seal('token-1'),
    ],
    [
      'update',
      sessionKey('alice'),
      /session "alice": its record/,
      (store) => store.update('alice', () => null),
    ],
    [
      'remove',
      sessionKey('alice'),
      /session "alice"/,
      (store) => store.remove('alice', () => true),
    ],
    [
      'insert',
      openedKey('alice', '192.0.2.1', 'browser'),
      /a list of sessions/,
      (store) => insert(store, commandSession('another')),
    ],
    [
      'walkSessions',
      indexKeys(ALICE)[1],
      /session "alice": its row in the list of its user/,
      (store) => collect(store.walkSessions('alice')),
    ],
    ['walkSeals', sealKey('token-2'), /session "token-2"/, (store) => collect(store.walkSeals())],
    [
      'a backup',
      sealKey('token-2'),
      /session "token-2": its sealed key/,
      (store) => collect(backUp(() => store.view(), EPOCHS, 0)),
    ],
  ])('is damage to %s, which names it', async (_, key, message, use) => {
    const location = await filled()
    await alter(location, key)
    const store = await opened(location)
    await expect(use(store)).rejects.toEqual(damaged(message))
    expect(await problemsIn(await closed(store, location))).toEqual(
      expect.arrayContaining([expect.stringMatching(message)]),
    )
  })

  it('is damage to a list whose key it is, although lists read no checksums of keys', async () => {
    const location = await filled()
    await withLevel(location, async (level) => {
      const [byTime] = indexKeys(ALICE)
      const key = Buffer.from(byTime)
      key[9] = (key[9] as number) ^ 2
      await level.del(byTime)
      await level.put(key, Uint8Array.of(0))
    })
    await expect((await opened(location)).list(all)).rejects.toEqual(
      damaged(/a list names session "alice" where it does not stand/),
    )
  })

  it('of another user is damage to a list whose altered key gives it to this one', async () => {
    const location = await filled()
    await withLevel(location, async (level) => {
      const [, byUser] = indexKeys(ALICE)
      const key = Buffer.from(byUser)
      key.write('alicf', 3)
      await level.del(byUser)
      await level.put(key, Uint8Array.of())
    })
    const store = await opened(location)
    const message = /a list names session "alice" where it does not stand/
    for (const query of [{ userId: 'alicf' }, { userId: 'alicf', active: true }]) {
      await expect(store.list({ ...all, ...query })).rejects.toEqual(damaged(message))
    }
    await expect(collect(store.walkSessions('alicf'))).rejects.toEqual(damaged(message))
  })

  it('that a list names and that is not there is damage too', async () => {
    const location = await filled()
    await withLevel(location, (level) => level.del(sessionKey('alice')))
    const store = await opened(location)
    const message = /a list names session "alice", which has no record/
    await expect(store.list(all)).rejects.toEqual(damaged(message))
    await expect(collect(store.walkSessions('alice'))).rejects.toEqual(damaged(message))
  })

  it('does not keep the sweep from the others, and is told of once', async () => {
    const location = await filled()
    await alter(location, sessionKey('alice'))
    const store = await opened(location)
    const told: string[] = []
    const { expiry } = expiring(store, told)
    await expiry.sweep.run()
    expect(await store.get('bob')).toMatchObject({ active: false })
    await expiry.sweep.run()
    await expiry.sweep.step()
    expect(told).toEqual(['session "alice": its record fails its checksum'])
  })

  it('that is due keeps nobody from a list, nor from the rest of a walk', async () => {
    const location = await filled()
    const store = await opened(location)
    const count = 500
    const ids = Array.from({ length: count }, (_, i) => `damaged-${i}`)
    const sweepAtMs = 1
    await Promise.all(ids.map((id) => insert(store, commandSession(id), { sweepAtMs })))
    await store.close()
    await withLevel(location, ({ bare }) =>
      bare.batch(
        ids.map((id) => ({ type: 'put', key: sessionKey(id), value: Buffer.alloc(8) }) as const),
      ),
    )
    const damagedStore = await opened(location)
    const told: string[] = []
    const { sessions, expiry } = expiring(damagedStore, told)
    await sessions.list({ userId: 'bob' })
    expect(told).toHaveLength(count)
    expect(await damagedStore.get('bob')).toMatchObject({ active: true })
    await expiry.sweep.drain()
    expect(await damagedStore.get('bob')).toMatchObject({ active: false })
    expect(told).toHaveLength(count)
  })

  it('is not needed: a list that names ended sessions leads to none of them', async () => {
    const location = await filled()
    const gone = ended(commandSession('gone', { openTimeMs: 3000 }))
    const key = openedKey('bob', '192.0.2.1', 'browser')
    const store = await opened(location)
    await insert(store, gone)
    const bob = (await store.get('bob')) as Session
    await store.close()
    await withLevel(location, (level) =>
      level.put(key, Buffer.concat([gone, bob].map((session) => sized(entryOf(session))))),
    )
    const stale = await opened(location)
    const place = ['bob', '192.0.2.1', 'browser'] as const
    expect(await stale.findOpened(...place)).toEqual(bob)
    const reuse = { address: '192.0.2.1', client: 'browser' }
    const seen = async () => {
      let found: string | undefined
      await stale.insert({ userId: 'bob', reuse, countOpenOfUser: false }, ({ reusable }) => {
        found = reusable?.id
        return { keep: bob }
      })
      return found
    }
    expect(await seen()).toBe('bob')
    const closes: unknown[] = []
    const { sessions } = expiring(stale, [], (entry) => closes.push(entry))
    await sessions.closeOpened(...place, CALLER)
    expect(closes).toHaveLength(1)
    expect(await stale.findOpened(...place)).toBeUndefined()
    expect(await seen()).toBeUndefined()
  })

  it('that is a deadline is passed over by the sweep, and told of', async () => {
    const location = await filled()
    const timeMs = PORTS.dueAtMs(ALICE)
    await alter(location, deadlineKey({ kind: 'session', timeMs, id: 'alice' }))
    const told: string[] = []
    const store = await opened(location, { onDamage: (problem) => told.push(problem) })
    const due = await store.due(Number.MAX_SAFE_INTEGER, 100)
    expect(due.length).toBeGreaterThan(3)
    expect(due.map((deadline) => 'id' in deadline && deadline.id)).not.toContain('alice')
    expect(told).toEqual(['session "alice": a deadline fails its checksum'])
  })
})

/** As an earlier release left it: ended, with what it had. */
function recordWithUser(id: string, user: string): Uint8Array {
  const open = { ...commandSession(id), closeTimeMs: 2000n, token: undefined, data: '' }
  const times = { openTimeMs: 1000n, requestTimeMs: 1000n }
  return SessionRecord.encode({ ...open, ...times, active: false, user }).finish()
}

it('a backup has nothing of what was kept in a session that has ended', async () => {
  const location = await filled()
  await withLevel(location, (level) =>
    level.put(sessionKey('bob-ended'), recordWithUser('bob-ended', 'Kept too long')),
  )
  const store = await opened(location)
  const chunks = await collect(backUp(() => store.view(), EPOCHS, 0))
  const text = Buffer.concat(chunks).toString('latin1')
  expect(text).toContain('bob-ended')
  expect(text).not.toContain('Kept too long')
})

describe('the store of an earlier release', () => {
  async function sample(): Promise<string> {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    await cp(SAMPLE, location, { recursive: true })
    return location
  }
  const bareRows = async (location: string) => {
    const level: RawLevel = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
    await level.open()
    const rows = await level.iterator().all()
    await level.close()
    return rows.map(([key, value]) => [key.toString('hex'), Buffer.from(value)] as const)
  }

  it('gets checksums for every row when it is opened, and its content stays', async () => {
    const location = await sample()
    const before = new Map(await bareRows(location))
    await (await opened(location)).close()
    for (const [key, value] of await bareRows(location)) {
      const bytes = Buffer.from(key, 'hex')
      let was = bytes.equals(INFO_KEY) ? encodeInfo(newInfo(EPOCHS)) : before.get(key)
      if (bytes[0] === RANGES.sessions.gte[0]) {
        // What callers had kept in ended ones goes.
        was = encodeSession(decodeSession(was as Uint8Array))
      }
      expect(value).toEqual(withChecksum(bytes, was as Uint8Array))
    }
    expect(await rowsIn(location)).toHaveLength(before.size)
  })

  it('tells how far it is when it begins, and after each batch how many rows are done', async () => {
    const location = await sample()
    const database = new Database(location)
    await database.open()
    onTestFinished(() => database.close())
    const told: [number, boolean][] = []
    const onUpgrade = (rows: number, isDone: boolean) => void told.push([rows, isDone])
    await addChecksums(database, database.info as Info, onUpgrade, 7)
    const total = (await database.read((level) => level.iterator().all())).filter(
      ([key]) => key[0] !== RANGES.facts.gte[0],
    ).length
    expect(told.slice(0, 3)).toEqual([
      [0, false],
      [7, false],
      [14, false],
    ])
    expect(told.slice(-2)).toEqual([
      [total, false],
      [total, true],
    ])
    await addChecksums(database, { ...newInfo(EPOCHS) }, onUpgrade)
    expect(told.at(-1)).toEqual([total, true])
  })

  it('loses what callers had kept in sessions that have ended', async () => {
    const location = await sample()
    const level: RawLevel = new Level(location, { keyEncoding: 'buffer', valueEncoding: 'view' })
    await level.open()
    await level.put(sessionKey('gone'), recordWithUser('gone', 'Kept too long'))
    await level.close()
    await (await opened(location)).close()
    const rows = new Map(await bareRows(location))
    const left = rows.get(sessionKey('gone').toString('hex'))?.toString('latin1')
    expect(left).toContain('alice')
    expect(left).not.toContain('Kept too long')
  })

  it('goes on where it was cut off, at any batch', async () => {
    const whole = await sample()
    await (await opened(whole)).close()
    const cut = await sample()
    let cuts = -1
    for (let isDone = false; !isDone; cuts++) {
      // One commit further each time: those before stay.
      const database = new CutOff(cut, 1)
      await database.open()
      await addChecksums(database, database.info as Info, () => {}, 7).then(
        () => {
          isDone = true
        },
        (error) => expect(error.message).toBe('cut off'),
      )
      await database.close()
    }
    expect(cuts).toBeGreaterThan(5)
    expect(await rowsIn(cut)).toEqual(await rowsIn(whole))
  })

  it('is refused where a table has a damaged byte, which nothing else would notice', async () => {
    const location = await sample()
    const path = join(location, '000005.ldb')
    const bytes = await readFile(path)
    bytes[100] = (bytes[100] as number) ^ 1
    await writeFile(path, bytes)
    await expect(opened(location)).rejects.toEqual(damaged(/000005.ldb: a block of rows/))
    await expect(opened(location, { acceptDamage: true })).rejects.toEqual(
      damaged(/sessiond repair/),
    )
  })

  it('is not what a newer one becomes by any altered bit', () => {
    const row = withChecksum(INFO_KEY, encodeInfo(newInfo(EPOCHS)))
    for (let bit = 0; bit < 8 * row.length; bit++) {
      const altered = Buffer.from(row)
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => readInfoRow(altered, 'store')).toThrow(/store: its record of layout/)
    }
    const old = encodeInfo({ ...newInfo(EPOCHS), layoutVersion: 1 })
    expect(readInfoRow(old, 'store')).toMatchObject({ layoutVersion: 1 })
  })
})

describe('a start', () => {
  it('refuses a log with an altered byte, which LevelDB would drop, and leaves it as it is', async () => {
    const location = await filled()
    const [log = ''] = (await readdir(location)).filter((name) => name.endsWith('.log'))
    const bytes = await readFile(join(location, log))
    bytes[40] = (bytes[40] as number) ^ 1
    await writeFile(join(location, log), bytes)
    await expect(opened(location)).rejects.toEqual(
      damaged(/\.log: a record fails its checksum, at byte 37/),
    )
    expect(await readFile(join(location, log))).toEqual(bytes)
  })

  it('that accepts the damage opens what is left, tells of it, and keeps a copy of the file', async () => {
    const location = await filled()
    const [log = ''] = (await readdir(location)).filter((name) => name.endsWith('.log'))
    const bytes = await readFile(join(location, log))
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
    await writeFile(join(location, log), bytes)
    const told: string[] = []
    const options = { acceptDamage: true, onDamage: (problem: string) => told.push(problem) }
    const store = await opened(location, options)
    expect(await store.get('alice')).toBeDefined()
    expect(told).toEqual([expect.stringContaining(`${log}: a record fails its checksum`)])
    const [, copies = ''] = /a copy is in (.*)\)/.exec(told[0] ?? '') ?? []
    expect(await readFile(join(copies, log))).toEqual(bytes)
  })

  it('that waits reads nothing of what another server writes, until that holds still', async () => {
    const location = await filled()
    const attempts = new StartAttempts()
    const holder = await opened(location)
    const locked = expect.objectContaining({ code: 'STORE_LOCKED' })
    await expect(opened(location, { attempts })).rejects.toEqual(locked)
    await insert(holder, commandSession('bob', {}))
    const [log = ''] = (await readdir(location)).filter((name) => name.endsWith('.log'))
    const bytes = await readFile(join(location, log))
    bytes[40] = (bytes[40] as number) ^ 1
    await writeFile(join(location, log), bytes)
    await expect(opened(location, { attempts })).rejects.toEqual(locked)
    await expect(opened(location, { attempts })).rejects.toEqual(damaged(/fails its checksum/))
  })

  it('that waits does not read again what has not changed, but all of another directory', async () => {
    const location = await filled()
    await (await opened(location)).close()
    const other = `${location}.other`
    await cp(location, other, { recursive: true })
    const attempts = new StartAttempts()
    await expectWholeFiles(location, { attempts })
    expect(await attempts.areWhole(location)).toBe(true)
    const [table = ''] = (await readdir(other)).filter((name) => name.endsWith('.ldb'))
    const bytes = await readFile(join(other, table))
    bytes[3] = (bytes[3] as number) ^ 1
    await writeFile(join(other, table), bytes)
    await rename(location, `${location}.old`)
    await rename(other, location)
    await expect(expectWholeFiles(location, { attempts })).rejects.toEqual(damaged(/checksum/))
  })

  it.each(['ldb', 'log'])('refuses a store that has lost its .%s file', async (end) => {
    const location = join(await temporaryDirectory(onTestFinished), 'store')
    await cp(SAMPLE, location, { recursive: true })
    const [name = ''] = (await readdir(location)).filter((file) => file.endsWith(end))
    await rm(join(location, name))
    await expect(opened(location)).rejects.toEqual(damaged(new RegExp(`${name}: is missing`)))
  })
})

/** A database that fails after so many commits. */
class CutOff extends Database {
  constructor(
    location: string,
    private commits: number,
  ) {
    super(location)
  }

  override async commit(...args: Parameters<Database['commit']>): Promise<void> {
    if (this.commits-- === 0) {
      throw new Error('cut off')
    }
    await super.commit(...args)
  }
}

/** What ends sessions at once that were not asked for a second. */
function expiring(
  store: LevelStore,
  told: string[],
  onAudited: (entry: AuditEntry) => void = () => {},
) {
  const clock = new EpochClock(EPOCHS, () => 100 * NOW_MS)
  const limits = { idleTimeoutMs: 1000, maxSessionAgeMs: 0, retentionMs: 1e12 }
  const expiry = new Expiry(store, clock, limits, (problem) => told.push(problem))
  const audit = { ...NO_AUDIT, record: async (entry: AuditEntry) => onAudited(entry) }
  const ports = { store, expiry, clock, audit, randomBytes: () => new Uint8Array(16) }
  const most = { maxSessionsPerOwner: 0, maxSessions: 0, maxDataBytes: 1000 }
  return { expiry, sessions: new Sessions(ports, most) }
}

async function closed(store: LevelStore, location: string): Promise<string> {
  await store.close()
  return location
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) {
    found.push(item)
  }
  return found
}
