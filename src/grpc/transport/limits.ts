import type { UnsentLimit } from '../../net/unsent.js'

/**
 * A limit that was met:
 * - `connections`: there were as many as may be, so the one unused longest made room, or the new one
 *   was refused;
 * - `header-timeout`: a connection made no request, or a request did not arrive, in time;
 * - `message-size`: a message was larger than may be;
 * - `lasting-streams`: a connection asked for one stream of health or reflection too many;
 * - `peer-calls`, `peer-failures`: a call was refused;
 * - `flood`: a peer wasted so much that all its connections were cut;
 * - `barred`: such a peer came back too soon;
 * - `accept`: the system gave no connection, as where file descriptors ran out;
 * - `answer-timeout`, `answer-bytes`: answers waited too long, or too many, to be taken.
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

/** Told of every limit that was met, and by which peer. Any peer can bring this about. */
export type OnLimited = (limit: Limit, peer: string) => void
