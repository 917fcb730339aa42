import { option, type ValuesOf } from './option.js'
import { count, durationOrNoneMs, limit, timerMs, timerOrNoneMs } from './values.js'

/** Options that limit what callers may cost the gRPC server. */
export const GRPC_LIMIT_OPTIONS = {
  maxMessageBytes: option({
    name: 'max-message-bytes',
    placeholder: 'BYTES',
    default: '131072',
    help: 'largest gRPC message in bytes, so that no message fills the memory; Create accepts at most 65536 in any case',
    parse: limit,
  }),
  maxStreams: option({
    name: 'max-streams',
    placeholder: 'N',
    default: '256',
    help: 'concurrent calls on one gRPC connection, so that no connection takes all of the server; further calls wait at the client',
    parse: limit,
  }),
  maxConnections: option({
    name: 'max-connections',
    placeholder: 'N',
    default: '4096',
    help: 'concurrent gRPC connections, on all addresses together; a further one replaces the one that was idle longest',
    parse: limit,
  }),
  maxConnectionIdleMs: option({
    name: 'max-connection-idle',
    placeholder: 'DURATION',
    default: '15m',
    help: 'how long a gRPC connection without calls stays open; none: forever',
    parse: durationOrNoneMs,
  }),
  maxConnectionAgeMs: option({
    name: 'max-connection-age',
    placeholder: 'DURATION',
    default: 'none',
    help: 'how long a gRPC connection stays open before its client must reconnect, so that load balancers can spread clients; none: forever',
    parse: timerOrNoneMs,
  }),
  maxConnectionAgeGraceMs: option({
    name: 'max-connection-age-grace',
    placeholder: 'DURATION',
    default: '30s',
    help: 'how long calls may continue on a connection that reached --max-connection-age',
    parse: timerMs,
  }),
  headerTimeoutMs: option({
    name: 'header-timeout',
    placeholder: 'DURATION',
    default: '10s',
    help: "time limit for the TLS handshake, for a connection's first request and for each request to arrive whole; protects against peers that send slowly",
    parse: timerMs,
  }),
  peerCallsPerSecond: option({
    name: 'peer-calls-per-second',
    placeholder: 'N',
    default: '0',
    help: 'gRPC calls per second from one address (bursts of 5 s); 0: no limit',
    parse: count,
  }),
  peerFailuresPerSecond: option({
    name: 'peer-failures-per-second',
    placeholder: 'N',
    default: '50',
    help: 'gRPC calls per second from one address that fail to prove who calls (bursts of 5 s); further calls of the address are refused unread; protects the processor from guesses and forgeries; 0: no limit',
    parse: count,
  }),
}

export interface GrpcLimits extends ValuesOf<typeof GRPC_LIMIT_OPTIONS> {}
