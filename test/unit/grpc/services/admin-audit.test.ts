import { describe, expect, it } from 'vitest'
import {
  type AdminClient,
  eraseUser,
  exportUser,
  reseal,
  rotateIdentity,
  rotateSealingKey,
} from '../../../../src/client/index.js'
import { KeyChangeError, StoreUnavailableError } from '../../../../src/core/errors.js'
import type { Audit, AuditEntry } from '../../../../src/core/operators/audit.js'
import type { AdminPorts } from '../../../../src/grpc/services/admin/admin.js'
import { all, IDENTITIES, serveAdmin } from '../../../support/admin-service.js'
import { commandSession, tokenSession } from '../../../support/store-sessions.js'

const [one, two] = IDENTITIES
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const step = { checked: 2, resealed: 1, failed: 1, newlyFailedIds: ['x'], total: 9 }

/** The admin service of a server that has something to reseal and to export. */
const serve = (ports: Partial<AdminPorts> = {}, audit?: Audit) =>
  serveAdmin(
    {
      resealAll: async function* () {
        yield step
      },
      exportSubject: async function* () {
        yield { kind: 'session', session: commandSession('1') }
      },
      ...ports,
    },
    audit,
  )

type Call = (admin: AdminClient) => Promise<unknown>
const CALLS: Record<string, Call> = {
  'rotate-keys': rotateSealingKey,
  reseal: (admin) => all(reseal(admin)),
  'rotate-identity': (admin) => rotateIdentity(admin, 'activate'),
  export: (admin) => all(exportUser(admin, 'alice')),
  erase: (admin) => eraseUser(admin, 'alice'),
  'confirm-clock': (admin) => admin.confirmClock(),
}
const DONE: Record<string, AuditEntry['facts']> = {
  'rotate-keys': { sealingKey: 'k2' },
  reseal: { checked: 2, resealed: 1, failed: 1 },
  'rotate-identity': {
    activate: true,
    identity: hex(one.publicKey),
    nextIdentity: hex(two.publicKey),
  },
  export: { userId: 'alice', records: 1 },
  erase: { userId: 'alice', sessions: 3, idempotencyKeys: 4 },
  'confirm-clock': { offsetMs: -1500 },
}
const FAILED: Record<string, AuditEntry['facts']> = {
  'rotate-keys': {},
  reseal: { checked: 0, resealed: 0, failed: 0 },
  'rotate-identity': { activate: true },
  export: { userId: 'alice', records: 0 },
  erase: { userId: 'alice' },
  'confirm-clock': {},
}

describe.each(Object.entries(CALLS))('%s', (action, call) => {
  const caller = { name: 'gRPC on loopback', address: expect.stringContaining('127.0.0.1:') }

  it('is audited once it is done', async () => {
    const { admin, entries } = await serve()
    await call(admin)
    expect(entries).toEqual([{ action, caller, facts: { outcome: 'done', ...DONE[action] } }])
  })

  it('is not answered before its entry is kept', async () => {
    const happened: string[] = []
    let begin = () => {}
    let keep = () => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const kept = new Promise<void>((resolve) => {
      keep = resolve
    })
    const record = async () => {
      begin()
      await kept
      happened.push('kept')
    }
    const { admin } = await serve({}, { check: async () => {}, record })
    const answered = call(admin).then(() => happened.push('answered'))
    await Promise.race([begun, answered])
    // An answer that did not wait would come before that of a later call.
    await admin.status()
    expect(happened).toEqual([])
    keep()
    await answered
    expect(happened).toEqual(['kept', 'answered'])
  })

  it('is audited where it fails, for part of it may be done', async () => {
    const fail = () => {
      throw new KeyChangeError('a test')
    }
    const { admin, entries } = await serve({
      identity: { current: one, next: two, announce: fail, activate: fail } as never,
      ...{ rotateSealingKey: fail, resealAll: failing, exportSubject: failing, eraseSubject: fail },
      clock: { offsetMs: () => 0, isSuspect: () => true, confirm: fail },
    })
    await expect(call(admin)).rejects.toMatchObject({ code: 'KEY_NOT_CHANGED' })
    expect(entries).toEqual([{ action, caller, facts: { outcome: 'failed', ...FAILED[action] } }])
  })

  it('is not done while no entry can be kept', async () => {
    const never = () => expect.unreachable()
    const check = () => Promise.reject(new StoreUnavailableError('no room for the audit log'))
    const ports = {
      identity: { current: one, next: two, announce: never, activate: never } as never,
      ...{ rotateSealingKey: never, eraseSubject: never },
      clock: { offsetMs: never, isSuspect: never, confirm: never } as never,
      // Asked for, yet never begun.
      ...{ resealAll: beginning(never), exportSubject: beginning(never) },
    }
    const { admin } = await serve(ports, { check, record: never })
    await expect(call(admin)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

it.each(['reseal', 'export'])(
  '%s that nobody waits for is audited as interrupted',
  async (action) => {
    const endless = async function* () {
      for (;;) {
        yield action === 'reseal' ? step : { kind: 'session', session: commandSession('1') }
      }
    }
    const { admin, entries, entry } = await serve({
      ...{ resealAll: endless as never, exportSubject: endless as never },
    })
    const kept = entry()
    for await (const _ of action === 'reseal' ? reseal(admin) : exportUser(admin, 'alice')) {
      break
    }
    await kept
    expect(entries).toMatchObject([{ action, facts: { outcome: 'interrupted' } }])
  },
)

it('an export has what is stored, digit for digit, and never a line end in a line', async () => {
  const session = commandSession('1', {
    user: '{"n":\n12345678901234567890.10,\r\n"t":"a\\nb"}',
    closeTimeMs: 5,
    active: false,
    ending: { reason: 'closed', by: 'Zoë' },
  })
  const key = { owner: Uint8Array.of(1, 2), signer: Uint8Array.of(3), key: 'k\n' }
  const { admin } = await serve({
    exportSubject: async function* () {
      yield { kind: 'session', session }
      yield { kind: 'session', session: tokenSession('2') }
      const entry = { scope: key, sessionId: '2', expiresTimeMs: 2 ** 53 }
      yield { kind: 'idempotency-key', entry }
    },
  })
  const lines = await all(exportUser(admin, 'alice'))
  expect(lines.join('')).not.toMatch(/[\r\n]/)
  expect(lines[0]).toContain('"user":{"n": 12345678901234567890.10,  "t":"a\\nb"},"data":null')
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      kind: 'session',
      id: '1',
      user_id: 'alice',
      user_name: 'Alice',
      active: false,
      open_time: '1970-01-01T00:00:01.000Z',
      request_time: '1970-01-01T00:00:01.000Z',
      close_time: '1970-01-01T00:00:00.005Z',
      address: '192.0.2.1',
      client: 'browser',
      token: null,
      ending: { reason: 'closed', by: 'Zoë' },
      user: { n: expect.any(Number), t: 'a\nb' },
      data: null,
    },
    expect.objectContaining({
      id: '2',
      token: {
        owner: '010203',
        lifetime: { exp: '18446744073709551615', nbf: '9007199254740992', iat: '1' },
        public_key: '07'.repeat(32),
        is_bound: false,
      },
    }),
    {
      kind: 'idempotency_key',
      key: 'k\n',
      owner: '0102',
      signer: '03',
      session_id: '2',
      expire_time: 2 ** 53,
    },
  ])
})

// biome-ignore lint/correctness/useYield: it throws first.
async function* failing(): AsyncGenerator<never> {
  throw new KeyChangeError('a test')
}

/** A stream that calls `begin` when it is first asked for anything. */
function beginning(begin: () => never) {
  // biome-ignore lint/correctness/useYield: it is not to begin.
  return async function* (): AsyncGenerator<never> {
    begin()
  }
}
