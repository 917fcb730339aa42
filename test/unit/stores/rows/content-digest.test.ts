import { expect, it } from 'vitest'
import type { BackupItem } from '../../../../src/stores/backup-format.js'
import { encodeSession } from '../../../../src/stores/rows/codec.js'
import { ContentDigest } from '../../../../src/stores/rows/content-digest.js'
import { commandSession } from '../../../support/store-sessions.js'

const session = (id: string, data: string | null = null): BackupItem => ({
  kind: 'session',
  record: encodeSession(commandSession(id, { data })),
})
const SCOPE = { owner: Uint8Array.of(1), signer: Uint8Array.of(2), key: 'once' }
const due = { kind: 'session', timeMs: 7, id: 'a' } as const

function digestOf(...items: BackupItem[]): ContentDigest {
  const digest = new ContentDigest()
  for (const item of items) {
    digest.add(item)
  }
  return digest
}

const differenceOf = (one: BackupItem[], other: BackupItem[]) =>
  digestOf(...one).difference(digestOf(...other))

it('does not depend on the order of the items, nor on when the backup was made', () => {
  const header = (timeMs: number): BackupItem => ({
    ...{ kind: 'header', timeMs, epochs: { genesisAtMs: 0, lengthMs: 1000 } },
  })
  const [a, b] = [session('a'), session('b')]
  expect(differenceOf([header(1), a, b], [header(2), b, a])).toBeNull()
})

it('is the same whether an entry shares the deadline of its session or has its own', () => {
  const own = { kind: 'idempotency', timeMs: 7, scope: SCOPE } as const
  expect(
    differenceOf(
      [{ kind: 'deadline', deadline: due, sharedBy: SCOPE }],
      [
        { kind: 'deadline', deadline: own },
        { kind: 'deadline', deadline: due },
      ],
    ),
  ).toBeNull()
})

it.each<[string, BackupItem[], BackupItem[], RegExp]>([
  ['a session that is missing', [session('a'), session('b')], [session('a')], /1 of 2.*session/],
  ['a session with other data', [session('a', '1')], [session('a', '2')], /session.*not the same/],
  [
    'another seal',
    [{ kind: 'seal', id: 'a', sealed: Uint8Array.of(1) }],
    [{ kind: 'seal', id: 'b', sealed: Uint8Array.of(1) }],
    /seal.*not the same/,
  ],
  [
    'another deadline',
    [{ kind: 'deadline', deadline: due }],
    [{ kind: 'deadline', deadline: { ...due, timeMs: 8 } }],
    /deadline.*not the same/,
  ],
])('tells of %s', (_, one, other, message) => {
  expect(differenceOf(one, other)).toMatch(message)
})

it('passes items on, and their end', async () => {
  const digest = new ContentDigest()
  let isClosed = false
  const items = (async function* () {
    try {
      yield session('a')
      return 'the end'
    } finally {
      isClosed = true
    }
  })()
  const passed = digest.pass(items)
  expect(await passed.next()).toEqual({ done: false, value: session('a') })
  expect(await passed.next()).toEqual({ done: true, value: 'the end' })
  expect(digest.difference(digestOf(session('a')))).toBeNull()
  expect(isClosed).toBe(true)
})
