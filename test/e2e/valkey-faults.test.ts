import { faultRounds } from '../support/valkey-fault-rounds.js'

faultRounds(process.env.SESSIOND_TEST_LONG === undefined ? 5 : 100)
