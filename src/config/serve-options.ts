import {
  count,
  durationMs,
  durationOrNoneMs,
  fileMode,
  grpcAddress,
  limit,
  listenAddressOrOff,
  oneOf,
  senecaAddresses,
  text,
  timeMs,
  timerMs,
  timerOrNoneMs,
  waitMs,
  yesOrNo,
} from './values.js'

/** One option of `sessiond serve`. */
export interface Option<T> {
  /** What stands after the flag in `--help`. */
  readonly placeholder: string
  readonly default?: string
  readonly help: string
  /** Several values, between commas; the flag may be repeated, and a file may hold an array. */
  readonly isList?: true
  /** What the flag without a value stands for. */
  readonly bare?: string
  readonly parse: (text: string) => T
}

const option = <T>(option: Option<T>) => option

/**
 * Every option of `sessiond serve`, once: the flag is `--<name>`, the variable `SESSIOND_<NAME>`, the
 * key in a `--config` file `<name>`. A flag goes before a variable, a variable before the file.
 */
export const SERVE_OPTIONS = {
  'data-dir': option({
    placeholder: 'DIR',
    default: './data',
    help: 'where the store and the keys are kept; made if it is not there',
    parse: text,
  }),
  store: option({
    placeholder: 'KIND',
    default: 'level',
    help: 'level: LevelDB in the data directory',
    parse: oneOf('level'),
  }),
  grpc: option({
    placeholder: 'ADDRESS',
    default: '127.0.0.1:8090',
    help: 'where gRPC listens: HOST:PORT (port 0 lets the system choose), or a Unix socket, unix:PATH',
    parse: grpcAddress,
  }),
  'grpc-socket-mode': option({
    placeholder: 'MODE',
    default: '0600',
    help: 'who may connect to that Unix socket; 0660 lets its group',
    parse: fileMode,
  }),
  seneca: option({
    placeholder: 'ADDRESS',
    default: 'tcp://127.0.0.1:8807',
    help: 'where the sessions commands listen: tcp://HOST:PORT or http://HOST:PORT (POST /act); several allowed, or off',
    isList: true,
    parse: senecaAddresses,
  }),
  http: option({
    placeholder: 'HOST:PORT',
    default: '127.0.0.1:8808',
    help: 'where the session list and its page are served, with /v1/sessions/COMMAND, /healthz, /readyz and /metrics; or off',
    parse: listenAddressOrOff,
  }),
  'tls-cert': option({
    placeholder: 'FILE',
    help: 'the certificate chain of gRPC and HTTP, PEM; read anew when it changes',
    parse: text,
  }),
  'tls-key': option({
    placeholder: 'FILE',
    help: "the certificate's private key, PEM",
    parse: text,
  }),
  'tls-client-ca': option({
    placeholder: 'FILE',
    help: 'certificates of authorities, PEM: a client certificate that one of them signed is an admin credential',
    parse: text,
  }),
  plaintext: option({
    placeholder: 'ANSWER',
    default: 'no',
    help: 'yes: listen beyond loopback without TLS, where a proxy in front or a private network provides it',
    parse: yesOrNo,
  }),
  'admin-token-file': option({
    placeholder: 'FILE',
    help: 'a file with the token that callers of sessions_v1, commandable and Admin, of /v1/sessions/, readers of metrics and who operates on the page must then show, on loopback too; read anew when it changes',
    parse: text,
  }),
  'insecure-commands': option({
    placeholder: 'ANSWER',
    default: 'no',
    help: 'yes: --seneca may listen beyond loopback, and takes what a proxy passes on: whoever can connect may read, close and delete every session',
    parse: yesOrNo,
  }),
  'feed-max-sessions': option({
    placeholder: 'N',
    default: '10000',
    help: 'how many open sessions the list shows, the newest requests first',
    parse: count,
  }),
  'feed-token': option({
    placeholder: 'FILE',
    help: 'a file with the token that viewers of the session list must show',
    parse: text,
  }),
  'feed-public': option({
    placeholder: 'ANSWER',
    default: 'no',
    help: 'yes: whoever can connect to --http may watch the session list, ids and names included',
    parse: yesOrNo,
  }),
  owners: option({
    placeholder: 'RULE',
    default: 'self-certifying',
    help: 'who may speak for an owner: self-certifying (the owner id names its key), any-signer (closed networks only), or a JSON FILE of owners and their keys',
    parse: text,
  }),
  'max-lifetime': option({
    placeholder: 'DURATION',
    default: '30d',
    help: 'the longest lifetime granted',
    parse: durationMs,
  }),
  'max-epoch-drift': option({
    placeholder: 'DURATION',
    default: '5m',
    help: "how far a request's clock may be from the server's, either way",
    parse: durationMs,
  }),
  'max-sessions-per-owner': option({
    placeholder: 'N',
    default: '1000',
    help: 'open sessions of one owner; 0 is no limit',
    parse: count,
  }),
  'max-sessions': option({
    placeholder: 'N',
    default: '0',
    help: 'open sessions in all; 0 is no limit',
    parse: count,
  }),
  'idle-timeout': option({
    placeholder: 'DURATION',
    default: '24h',
    help: 'when a session opened by a command ends, counted from its last request; none is never',
    parse: durationOrNoneMs,
  }),
  'max-session-age': option({
    placeholder: 'DURATION',
    default: 'none',
    help: 'when a session opened by a command ends, counted from its opening; none is never',
    parse: durationOrNoneMs,
  }),
  retention: option({
    placeholder: 'DURATION',
    default: '7d',
    help: 'how long ended sessions are kept',
    parse: durationMs,
  }),
  'max-data-bytes': option({
    placeholder: 'N',
    default: '32768',
    help: 'user and data of a session together, as JSON',
    parse: count,
  }),
  'epoch-genesis': option({
    placeholder: 'TIME',
    default: '0',
    help: 'when epoch 0 began: ISO 8601, or Unix seconds or milliseconds; fixed once the store is made',
    parse: timeMs,
  }),
  'epoch-length': option({
    placeholder: 'DURATION',
    default: '1s',
    help: 'how long an epoch is; fixed once the store is made',
    parse: durationMs,
  }),
  'identity-key': option({
    placeholder: 'FILE',
    help: "the server's Ed25519 key: PEM, OpenSSH or JSON Web Key (default: identity.pem in the data directory, made at the first start)",
    parse: text,
  }),
  'sealing-keys': option({
    placeholder: 'FILE',
    help: 'the keys that seal session keys (default: sealing-keys.json in the data directory, made at the first start)',
    parse: text,
  }),
  'accept-damage': option({
    placeholder: 'ANSWER',
    default: 'no',
    bare: 'yes',
    help: 'yes: start although files of the store are damaged, without what LevelDB cannot read in them; they are copied beside the store first',
    parse: yesOrNo,
  }),
  'max-message-bytes': option({
    placeholder: 'N',
    default: '131072',
    help: 'the largest gRPC message taken; Create takes at most 65536 whatever this says',
    parse: limit,
  }),
  'max-streams': option({
    placeholder: 'N',
    default: '256',
    help: 'calls at once on one gRPC connection; more wait at the client',
    parse: limit,
  }),
  'max-connections': option({
    placeholder: 'N',
    default: '4096',
    help: 'gRPC connections at once; a new one then takes the place of the one that was idle longest',
    parse: limit,
  }),
  'max-connection-idle': option({
    placeholder: 'DURATION',
    default: '15m',
    help: 'when a gRPC connection without calls is ended; none is never',
    parse: durationOrNoneMs,
  }),
  'max-connection-age': option({
    placeholder: 'DURATION',
    default: 'none',
    help: 'when a gRPC connection is ended, so that its client connects anew; none is never',
    parse: timerOrNoneMs,
  }),
  'max-connection-age-grace': option({
    placeholder: 'DURATION',
    default: '30s',
    help: 'how long calls on a connection of that age may still take',
    parse: timerMs,
  }),
  'header-timeout': option({
    placeholder: 'DURATION',
    default: '10s',
    help: 'how long a new connection may take to say what it wants: the TLS handshake, the headers',
    parse: timerMs,
  }),
  'peer-calls-per-second': option({
    placeholder: 'N',
    default: '0',
    help: 'gRPC calls of one address, in bursts of up to five seconds of it; 0 is no limit',
    parse: count,
  }),
  'peer-failures-per-second': option({
    placeholder: 'N',
    default: '50',
    help: 'calls of one address that fail to prove who they are, in bursts of up to five seconds of it; beyond that its calls are refused unread; 0 is no limit',
    parse: count,
  }),
  'audit-log': option({
    placeholder: 'FILE',
    help: 'one JSON line for everything closed, deleted or administered, only ever appended (default: audit.jsonl in the data directory)',
    parse: text,
  }),
  grace: option({
    placeholder: 'DURATION',
    default: '10s',
    help: 'how long calls under way may take once the server is told to stop',
    parse: timerMs,
  }),
  'drain-delay': option({
    placeholder: 'DURATION',
    default: 'none',
    help: 'how long the server, told to stop, still takes calls while it says NOT_SERVING, for balancers to notice',
    parse: timerOrNoneMs,
  }),
  'wait-for-lock': option({
    placeholder: 'DURATION',
    default: 'none',
    bare: 'forever',
    help: 'how long to wait where another server has the data directory, to take over from it: a duration, none or forever',
    parse: waitMs,
  }),
  'log-level': option({
    placeholder: 'LEVEL',
    default: 'info',
    help: 'error, warn, info or debug',
    parse: oneOf('error', 'warn', 'info', 'debug'),
  }),
} satisfies Record<string, Option<unknown>>

export type OptionName = keyof typeof SERVE_OPTIONS

/** The variable that stands for an option. */
export function variableOf(name: string): string {
  return `SESSIOND_${name.toUpperCase().replaceAll('-', '_')}`
}
