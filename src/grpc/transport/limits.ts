import type { UnsentLimit } from '../../net/unsent.js'

/**
 * A limit that was reached:
 * - `connections`: the maximum was open, so the one unused for longest was closed, or the new one refused;
 * - `header-timeout`: a connection made no request, or a request did not arrive, in time;
 * - `message-size`: a message was too large;
 * - `lasting-streams`: a connection opened too many streams of health or reflection;
 * - `peer-calls`, `peer-failures`: a call was refused;
 * - `flood`: a peer sent too many bytes that served no call, so all its connections were cut;
 * - `barred`: such a peer came back too soon;
 * - `accept`: the system could not accept a connection, for instance without file descriptors;
 * - `answer-timeout`, `answer-bytes`: the peer did not read its answers in time, or too many waited.
 */
export type Limit =
  | 'connections'
  | 'header-timeout'
  | 'message-size'
  | 'lasting-streams'
  | 'peer-calls'
  | 'peer-failures'
  | 'flood'
  | 'barred'
  | 'accept'
  | UnsentLimit

/** Called for every limit that a peer reached. Any peer can cause this. */
export type OnLimited = (limit: Limit, peer: string) => void
