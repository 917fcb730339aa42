import { expect } from 'vitest'
import { StoreDamagedError, StoreMismatchError } from '../../src/core/errors.js'
import { withChecksum, withoutChecksum } from '../../src/stores/rows/checksum.js'
import { fillingValue, readFilling } from '../../src/stores/valkey/layout/filling-mark.js'
import { infoValue, newInfo, readInfo } from '../../src/stores/valkey/layout/info.js'
import { FILLING_KEY, INFO_KEY, SHARED_KEYS_KEY } from '../../src/stores/valkey/layout/keys.js'
import { readSharedKeys, sharedKeysValue } from '../../src/stores/valkey/layout/shared-keys.js'
import { fuzz } from './engine.js'
import { mutateBytes } from './mutations.js'

/** What is read of a record whose checksum is right must be written, and read, as the same again. */
function fuzzRecord<T>(
  name: string,
  key: string,
  seeds: readonly T[],
  encode: (value: T) => Buffer,
  decode: (stored: Buffer) => T,
): void {
  fuzz({
    name: `valkey-${name}`,
    seeds: seeds.map((value) => withoutChecksum(Buffer.from(key), encode(value)) as Uint8Array),
    mutate: mutateBytes,
    reaches: ['value', 'error'],
    check(input) {
      let value: T
      try {
        value = decode(withChecksum(Buffer.from(key), input))
      } catch (error) {
        const isExpected = error instanceof StoreDamagedError || error instanceof StoreMismatchError
        expect(isExpected, `${error}`).toBe(true)
        return 'error'
      }
      expect(decode(encode(value))).toEqual(value)
      return 'value'
    },
  })
}

const EPOCHS = { genesisAtMs: 1_700_000_000_000, lengthMs: 1000 }

fuzzRecord('info', INFO_KEY, [newInfo(EPOCHS, 1), newInfo(EPOCHS, 256)], infoValue, (stored) =>
  readInfo(stored, 'it'),
)
fuzzRecord(
  'shared-keys',
  SHARED_KEYS_KEY,
  [
    { identity: null, nextIdentity: null, earlierIdentities: [], sealing: {} },
    {
      ...{ identity: 'aa'.repeat(32), nextIdentity: 'bb'.repeat(32) },
      ...{ earlierIdentities: ['cc'.repeat(32)], sealing: { k1: 'dd'.repeat(16) } },
    },
  ],
  sharedKeysValue,
  readSharedKeys,
)
fuzzRecord(
  'filling-mark',
  FILLING_KEY,
  [
    { source: null, items: 0, sha256: '' },
    { source: 'level:/srv/store', items: 2000, sha256: 'ab'.repeat(32) },
  ],
  (mark) => fillingValue(mark, 'a run'),
  (stored) => readFilling(stored, 'it'),
)
