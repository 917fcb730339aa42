import { AT_LIMIT } from '../core/create/quota.js'
import { option } from './option.js'
import { count, durationMs, durationOrNoneMs, oneOf, timeMs } from './values.js'

/** Options that decide which sessions may be opened, how many there are, and when they end. */
export const SESSION_OPTIONS = {
  maxLifetimeMs: option({
    name: 'max-lifetime',
    placeholder: 'DURATION',
    default: '30d',
    help: 'longest lifetime of a session that Create opens; bounds how long a leaked session key works',
    parse: durationMs,
  }),
  maxEpochDriftMs: option({
    name: 'max-epoch-drift',
    placeholder: 'DURATION',
    default: '5m',
    help: "largest difference between a request's time and the server's, in either direction; bounds how long a recorded request can be replayed",
    parse: durationMs,
  }),
  maxSessionsPerOwner: option({
    name: 'max-sessions-per-owner',
    placeholder: 'N',
    default: '1000',
    help: 'largest number of open sessions of one owner or user, so that none fills the store alone; 0: no limit',
    parse: count,
  }),
  atLimit: option({
    name: 'at-limit',
    placeholder: 'ANSWER',
    default: 'refuse',
    help: 'what happens when an owner or user with --max-sessions-per-owner open sessions opens another: refuse it, or end-oldest, the session with the oldest request',
    parse: oneOf(...AT_LIMIT),
  }),
  maxSessions: option({
    name: 'max-sessions',
    placeholder: 'N',
    default: '0',
    help: 'largest number of open sessions in all, so that strangers cannot fill the store; 0: no limit',
    parse: count,
  }),
  idleTimeoutMs: option({
    name: 'idle-timeout',
    placeholder: 'DURATION',
    default: '24h',
    help: 'time after its last request when a session opened by a command ends; none: never',
    parse: durationOrNoneMs,
  }),
  maxSessionAgeMs: option({
    name: 'max-session-age',
    placeholder: 'DURATION',
    default: 'none',
    help: 'time after its opening when a session opened by a command ends; none: never',
    parse: durationOrNoneMs,
  }),
  retentionMs: option({
    name: 'retention',
    placeholder: 'DURATION',
    default: '7d',
    help: 'how long the records of ended sessions are kept',
    parse: durationMs,
  }),
  maxDataBytes: option({
    name: 'max-data-bytes',
    placeholder: 'BYTES',
    default: '32768',
    help: "largest size in bytes of a session's user and data together, as JSON",
    parse: count,
  }),
  feedMaxSessions: option({
    name: 'feed-max-sessions',
    placeholder: 'N',
    default: '10000',
    help: 'largest number of open sessions in the session list, most recently used first; bounds the memory of the list',
    parse: count,
  }),
  epochGenesisAtMs: option({
    name: 'epoch-genesis',
    placeholder: 'TIME',
    default: '0',
    help: 'start of epoch 0: ISO 8601, or Unix seconds or milliseconds; cannot change once the store exists',
    parse: timeMs,
  }),
  epochLengthMs: option({
    name: 'epoch-length',
    placeholder: 'DURATION',
    default: '1s',
    help: 'length of an epoch; cannot change once the store exists',
    parse: durationMs,
  }),
}
