import { faultRounds } from '../support/valkey-fault-rounds.js'

// test/endurance/valkey-faults.test.ts has more of them.
faultRounds(1)
