import { expect } from 'vitest'
import { ownerText } from '../../src/core/owner-text.js'
import { decodeInfo, encodeInfo } from '../../src/stores/level/layout/info.js'
import { deadlineKey, deadlineOf } from '../../src/stores/level/layout/keys.js'
import {
  decodeEntry,
  decodeSession,
  encodeEntry,
  encodeSession,
} from '../../src/stores/rows/codec.js'
import { decodeEnding, encodeEnding } from '../../src/stores/rows/ending.js'
import { fuzz } from './engine.js'
import { mutateBytes } from './mutations.js'

const UUID = '0b2f6c64-6c2b-4a4e-9d0f-1f8a52a0c3de'
const opened = {
  ...{ id: 'an id', userId: 'u', userName: 'Ü', address: 'here', client: 'web' },
  ...{ active: true, openTimeMs: 1_700_000_000_000, requestTimeMs: 1_700_000_000_001 },
  ...{ closeTimeMs: null, user: '{"a":1}', data: '[]', token: null, ending: null },
}
const token = {
  owner: Buffer.from('owner'),
  lifetime: { exp: 1_700_003_600n, nbf: 1_700_000_000n, iat: 1_700_000_000n },
  publicKey: Buffer.alloc(32, 1),
}

/** What decodes must be encoded, and decode, to the same again: else a write would change it. */
function fuzzCodec<T>(
  name: string,
  seeds: readonly T[],
  encode: (value: T) => Uint8Array,
  decode: (bytes: Buffer) => T,
): void {
  fuzz({
    name: `store-${name}`,
    seeds: seeds.map(encode),
    mutate: mutateBytes,
    reaches: ['value', 'error'],
    check(input) {
      let value: T
      try {
        value = decode(input)
      } catch {
        return 'error'
      }
      const again = decode(Buffer.from(encode(value)))
      expect(again).toEqual(value)
      return 'value'
    },
  })
}

fuzzCodec(
  'session',
  [
    opened,
    {
      ...{ ...opened, active: false, closeTimeMs: 1_700_000_000_002, user: null, data: null },
      ending: { reason: 'closed' as const, by: 'admin token' },
    },
    { ...opened, token, user: null, data: null },
    { ...opened, token, userId: ownerText(token.owner), requestTimeMs: opened.openTimeMs },
  ],
  encodeSession,
  decodeSession,
)
fuzzCodec(
  'answer',
  ['an id', UUID].map((sessionId) => ({
    sessionId,
    bodySha256: Buffer.alloc(32, 2),
    expiresTimeMs: 1_700_000_000_000,
  })),
  encodeEntry,
  decodeEntry,
)
fuzzCodec(
  'ending',
  (['closed', 'revoked', 'key_lost'] as const).map((reason, i) => ({
    ...{ id: UUID, endTimeMs: 1_700_000_000_000 + i, reason, exp: 2n ** 64n - 1n - BigInt(i) },
  })),
  encodeEnding,
  decodeEnding,
)
fuzzCodec(
  'info',
  [
    {
      layoutVersion: 1,
      epochs: { genesisAtMs: 1_700_000_000_000, lengthMs: 1000 },
      uncheckedFrom: Uint8Array.of(),
      hasEarlierKeys: false,
      storeId: Uint8Array.of(),
      lacksEndings: false,
    },
    {
      layoutVersion: 5,
      epochs: { genesisAtMs: 1_700_000_000_000, lengthMs: 1000 },
      uncheckedFrom: Uint8Array.of(115, 1),
      hasEarlierKeys: true,
      storeId: Buffer.alloc(16, 7),
      lacksEndings: true,
    },
  ],
  encodeInfo,
  decodeInfo,
)
fuzzCodec(
  'deadline',
  [
    { kind: 'session' as const, timeMs: 1_700_000_000_000, id: 'an id' },
    { kind: 'session' as const, timeMs: 1_700_000_000_000, id: UUID },
    { kind: 'ending' as const, timeMs: 1_700_000_000_000, id: UUID },
    {
      kind: 'idempotency' as const,
      timeMs: 1_700_000_000_000,
      scope: { owner: Buffer.from('owner'), signer: Buffer.alloc(32, 3), key: 'a key' },
    },
    {
      kind: 'idempotency' as const,
      timeMs: 1_700_000_000_000,
      scope: { owner: Buffer.from('owner'), signer: Buffer.from('owner'), key: UUID },
    },
  ],
  deadlineKey,
  deadlineOf,
)
