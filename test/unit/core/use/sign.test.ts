import { expect, it } from 'vitest'
import { EpochClock } from '../../../../src/core/epoch.js'
import { OwnerKeyError } from '../../../../src/core/errors.js'
import type { Session } from '../../../../src/core/session.js'
import type { ChangeSeal } from '../../../../src/core/store.js'
import { type SignPorts, signUnder } from '../../../../src/core/use/sign.js'
import { EPOCHS, ended, tokenSession } from '../../../support/store-sessions.js'

const session = tokenSession('1')
const { owner, publicKey } = session.token as NonNullable<Session['token']>
const SIGNATURE = Uint8Array.of(1)

/** One session, which `record` of the audit log may end. */
function signing(
  record: (end: () => void) => void,
  {
    of = session,
    isSuspect = false,
    isMissing = false,
    ...more
  }: { of?: Session; isSuspect?: boolean; isMissing?: boolean } & Partial<SignPorts> = {},
) {
  let current: Session = of
  const recorded: string[] = []
  const ports = {
    store: {
      reseal: async (_: string, change: ChangeSeal) =>
        void (isMissing || (await change(current, new Uint8Array(1)))),
      // A read alone may show what was, for a moment.
      get: async (_: string, { proven = false } = {}) => {
        const shown = proven ? current : of
        return isMissing ? undefined : shown
      },
    },
    owners: { refusal: () => null },
    clock: new EpochClock(
      EPOCHS,
      () => Number(session.token?.lifetime.nbf) * EPOCHS.lengthMs,
      () => isSuspect,
    ),
    expiry: { rules: { asOfNow: (one: Session) => one } },
    audit: {
      check: async () => {},
      record: async ({ action }: { action: string }) => {
        recorded.push(action)
        record(() => {
          current = ended(current)
        })
      },
    },
    allows: () => false,
    limit() {},
    ...more,
  } as unknown as SignPorts
  const caller = { requestId: 'r', transport: 'test', peer: 'p', who: 'w' } as never
  const claim = {
    id: '1',
    owner,
    publicKey,
    signer: owner,
    caller,
    verb: 'OBJECT_PUT',
    data: [owner],
  }
  return { recorded, signed: signUnder(claim, ports, async () => [SIGNATURE]) }
}

it('gives the signatures of a session that is still active once they are recorded', async () => {
  const { signed, recorded } = signing(() => {})
  expect(await signed).toEqual([SIGNATURE])
  expect(recorded).toEqual(['sign'])
})

it('gives none where the session ends while the entry is written, which tells of them', async () => {
  const { signed, recorded } = signing((end) => end())
  await expect(signed).rejects.toMatchObject({ code: 'SESSION_ENDED' })
  expect(recorded).toEqual(['sign'])
})

const nobody = { refusal: () => new OwnerKeyError('a test', 'key', 'nobody may') }
const token = session.token as NonNullable<Session['token']>

it('signs for a service that the operator allows this verb', async () => {
  const allows = (_: Uint8Array, verb: string) => verb === 'OBJECT_PUT'
  expect(await signing(() => {}, { owners: nobody, allows }).signed).toEqual([SIGNATURE])
})

it.each<[string, Parameters<typeof signing>[1], string]>([
  ['a key that may not speak for the owner', { owners: nobody }, 'SIGNER_NOT_ALLOWED'],
  ['a clock that may be wrong', { isSuspect: true }, 'CLOCK_SUSPECT'],
  ['a session that is not there', { isMissing: true }, 'NOT_FOUND'],
  [
    "another owner's session",
    { of: { ...session, token: { ...token, owner: publicKey } } },
    'NOT_FOUND',
  ],
  [
    'a session with another key',
    { of: { ...session, token: { ...token, publicKey: owner } } },
    'NOT_FOUND',
  ],
  ['a session without a key', { of: { ...session, token: null } }, 'NOT_FOUND'],
  ['a session that has ended', { of: ended(session) }, 'SESSION_ENDED'],
  [
    'a session whose client has the key',
    { of: { ...session, token: { ...token, isBound: true } } },
    'INVALID_FIELD',
  ],
])('signs nothing for %s', async (_, options, code) => {
  const { signed, recorded } = signing(() => {}, options)
  await expect(signed).rejects.toMatchObject({ code })
  expect(recorded).toEqual([])
})
