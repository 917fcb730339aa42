import { describe } from 'vitest'
import { closeTests } from './close.js'
import { deadlinesTests } from './deadlines.js'
import { durabilityTests } from './durability.js'
import { endingsTests } from './endings.js'
import { endsTests } from './ends.js'
import { givenStore, type StoreHarness, type StoreTest } from './given.js'
import { idempotencyTests } from './idempotency.js'
import { insertTests } from './insert.js'
import { listTests } from './list.js'
import { listAfterTests } from './list-after.js'
import { operatorsTests } from './operators.js'
import { removeTests } from './remove.js'
import { reuseTests } from './reuse.js'
import { sealsTests } from './seals.js'
import { snapshotsTests } from './snapshots.js'
import { subscribeTests } from './subscribe.js'
import { updateTests } from './update.js'
import { walksTests } from './walks.js'

/** What every store can do, a file an operation. */
const OPERATIONS = [
  insertTests,
  idempotencyTests,
  reuseTests,
  endsTests,
  endingsTests,
  updateTests,
  removeTests,
  sealsTests,
  listTests,
  listAfterTests,
  walksTests,
  deadlinesTests,
  subscribeTests,
  closeTests,
]

/** What a store may lack. */
const CAPABILITIES = {
  /** What was acknowledged is there when the store is opened again. */
  durability: durabilityTests,
  /** What concerns all users is of one snapshot, too. */
  snapshots: snapshotsTests,
  /** It is a ServedStore: it tells of its health, and can be backed up and checked. */
  operators: operatorsTests,
} satisfies Record<string, (it: StoreTest) => void>

/**
 * Holds a store to every promise of `SessionStore`, and to those of the capabilities that it does not lack. Each test
 * gets a store of its own from `makeHarness`.
 */
export function storeConformance(
  name: string,
  makeHarness: () => Promise<StoreHarness>,
  { lacks = [] }: { readonly lacks?: readonly (keyof typeof CAPABILITIES)[] } = {},
): void {
  describe(name, () => {
    const it = givenStore(makeHarness)
    for (const tests of OPERATIONS) {
      tests(it)
    }
    for (const [capability, tests] of Object.entries(CAPABILITIES)) {
      if (!lacks.includes(capability as keyof typeof CAPABILITIES)) {
        tests(it)
      }
    }
  })
}
