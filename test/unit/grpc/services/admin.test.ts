import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eraseUser, exportUser } from '../../../../src/client/admin/users.js'
import { StoreUnavailableError } from '../../../../src/core/errors.js'
import type { Audit } from '../../../../src/core/operators/audit.js'
import type { CheckEvent } from '../../../../src/core/upkeep/care.js'
import { all, serveAdmin as serve } from '../../../support/admin-service.js'

const caller = { name: 'gRPC on loopback', address: expect.stringContaining('127.0.0.1:') }
const noAudit: Audit = {
  check: () => Promise.reject(new StoreUnavailableError('the audit log is full')),
  record: () => Promise.reject(new Error('recorded what was not done')),
}

describe('the admin service', () => {
  it('says how the server is, and asks for no audit', async () => {
    const { admin, entries } = await serve()
    expect(await admin.status()).toEqual({
      version: '1.2.3',
      startTimeMs: 5,
      openSessions: 7,
      isStoreWritable: false,
      identity: new Uint8Array(32).fill(1),
      nextIdentity: null,
      sealingKey: 'k',
      clockOffsetMs: -1500,
      isClockSuspect: true,
    })
    expect(entries).toEqual([])
  })

  it('tells of a next identity', async () => {
    const nextIdentity = new Uint8Array(32).fill(2)
    const keys = () => ({ identity: nextIdentity, nextIdentity, sealingKey: 'k' })
    const { admin } = await serve({ keys })
    expect(await admin.status()).toMatchObject({ nextIdentity })
  })

  it('streams what a check finds', async () => {
    const events: CheckEvent[] = [{ checkedRows: 1, totalRows: 2 }, { problem: 'session "é"' }]
    const { admin } = await serve({
      check: async function* () {
        yield* events
      },
    })
    expect(await all(admin.check())).toEqual(events)
  })

  it('runs four streams at a time, and tells who asks for one more to come again', async () => {
    let running = 0
    const forever = async function* () {
      running++
      yield { checkedRows: 0, totalRows: 1 }
      await new Promise(() => {})
    }
    const { admin } = await serve({ check: forever })
    const streams = Array.from({ length: 4 }, () => admin.check()[Symbol.asyncIterator]())
    await Promise.all(streams.map((stream) => stream.next()))
    await expect(all(exportUser(admin, 'u'))).rejects.toMatchObject({ code: 'BUSY' })
    await expect(all(admin.check())).rejects.toMatchObject({ code: 'BUSY' })
    expect(running).toBe(4)
  })

  it('has room for another stream when one has ended', async () => {
    const { admin } = await serve()
    for (let i = 0; i < 10; i++) {
      await all(admin.check())
    }
    await expect(all(admin.check())).resolves.toEqual([])
  })

  it('counts what it would erase, and erases nothing', async () => {
    const { admin } = await serve({ eraseSubject: () => expect.unreachable() })
    expect(await eraseUser(admin, 'a', { isDry: true })).toEqual({
      ...{ sessions: 5, idempotencyKeys: 6 },
    })
  })

  it('erases one user at a time', async () => {
    let running = 0
    const eraseSubject = async () => {
      expect(++running).toBe(1)
      await setImmediate()
      running--
      return { sessions: 1, idempotencyKeys: 0 }
    }
    const { admin } = await serve({ eraseSubject })
    await Promise.all(['a', 'b', 'c'].map((userId) => eraseUser(admin, userId)))
  })

  it('confirms the clock, and writes down who did', async () => {
    const { admin, entries } = await serve()
    expect(await admin.confirmClock()).toBe(-1500)
    expect(entries).toEqual([
      { action: 'confirm-clock', caller, facts: { outcome: 'done', offsetMs: -1500 } },
    ])
  })

  it('writes down a backup, and one that was broken off', async () => {
    const { admin, entries, entry } = await serve({
      backup: async function* () {
        for (let i = 0; i < 100; i++) {
          yield new Uint8Array(64 * 1024)
        }
      },
    })
    const chunks = await all(admin.backup())
    expect(chunks).toHaveLength(100)
    const facts = { outcome: 'done', bytes: 100 * 64 * 1024, isWhole: true }
    expect(entries).toEqual([{ action: 'backup', caller, facts }])

    const written = entry()
    for await (const _ of admin.backup()) {
      break
    }
    await written
    expect(entries[1]).toMatchObject({
      action: 'backup',
      facts: { outcome: 'interrupted', isWhole: false },
    })
  })

  it('does nothing that it could not write down', async () => {
    const ports = {
      backup: () => {
        throw new Error('backed up')
      },
      clock: {
        offsetMs: () => 0,
        isSuspect: () => false,
        confirm: () => {
          throw new Error('confirmed')
        },
      },
    }
    const { admin } = await serve(ports, noAudit)
    const refused = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('audit log') }
    await expect(all(admin.backup())).rejects.toMatchObject(refused)
    await expect(admin.confirmClock()).rejects.toMatchObject(refused)
  })
})
