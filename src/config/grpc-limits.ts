import { option, type ValuesOf } from './option.js'
import { count, durationOrNoneMs, limit, timerMs, timerOrNoneMs } from './values.js'

/** The options that bound what a gRPC server takes from its callers. */
export const GRPC_LIMIT_OPTIONS = {
  maxMessageBytes: option({
    name: 'max-message-bytes',
    placeholder: 'N',
    default: '131072',
    help: 'the largest gRPC message taken; Create takes at most 65536 whatever this says',
    parse: limit,
  }),
  maxStreams: option({
    name: 'max-streams',
    placeholder: 'N',
    default: '256',
    help: 'calls at once on one gRPC connection; more wait at the client',
    parse: limit,
  }),
  maxConnections: option({
    name: 'max-connections',
    placeholder: 'N',
    default: '4096',
    help: 'gRPC connections at once; a new one then takes the place of the one that was idle longest',
    parse: limit,
  }),
  maxConnectionIdleMs: option({
    name: 'max-connection-idle',
    placeholder: 'DURATION',
    default: '15m',
    help: 'when a gRPC connection without calls is ended; none is never',
    parse: durationOrNoneMs,
  }),
  maxConnectionAgeMs: option({
    name: 'max-connection-age',
    placeholder: 'DURATION',
    default: 'none',
    help: 'when a gRPC connection is ended, so that its client connects anew; none is never',
    parse: timerOrNoneMs,
  }),
  maxConnectionAgeGraceMs: option({
    name: 'max-connection-age-grace',
    placeholder: 'DURATION',
    default: '30s',
    help: 'how long calls on a connection of that age may still take',
    parse: timerMs,
  }),
  headerTimeoutMs: option({
    name: 'header-timeout',
    placeholder: 'DURATION',
    default: '10s',
    help: 'how long a new connection may take to say what it wants: the TLS handshake, the headers',
    parse: timerMs,
  }),
  peerCallsPerSecond: option({
    name: 'peer-calls-per-second',
    placeholder: 'N',
    default: '0',
    help: 'gRPC calls of one address, in bursts of up to five seconds of it; 0 is no limit',
    parse: count,
  }),
  peerFailuresPerSecond: option({
    name: 'peer-failures-per-second',
    placeholder: 'N',
    default: '50',
    help: 'calls of one address that fail to prove who they are, in bursts of up to five seconds of it; beyond that its calls are refused unread; 0 is no limit',
    parse: count,
  }),
}

export interface GrpcLimits extends ValuesOf<typeof GRPC_LIMIT_OPTIONS> {}
