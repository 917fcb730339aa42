import { expect, it } from 'vitest'
import { EpochClock } from '../../../../src/core/epoch.js'
import type { Session } from '../../../../src/core/session.js'
import { type SignPorts, signUnder } from '../../../../src/core/use/sign.js'
import { EPOCHS, ended, tokenSession } from '../../../support/store-sessions.js'

const session = tokenSession('1')
const { owner, publicKey } = session.token as NonNullable<Session['token']>
const SIGNATURE = Uint8Array.of(1)

/** One session, which `record` of the audit log may end. */
function signing(record: (end: () => void) => void) {
  let current: Session = session
  const recorded: string[] = []
  const ports = {
    store: {
      reseal: async (_: string, change: (of: Session, seal: Uint8Array) => unknown) =>
        void change(current, new Uint8Array(1)),
      get: async () => current,
    },
    owners: { check() {} },
    clock: new EpochClock(EPOCHS, () => Number(session.token?.lifetime.nbf) * EPOCHS.lengthMs),
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
    signWith: () => [SIGNATURE],
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
  return { recorded, signed: signUnder(claim, ports) }
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
