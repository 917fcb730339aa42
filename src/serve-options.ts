import {
  count,
  durationMs,
  durationOrNoneMs,
  listenAddress,
  listenAddressOrOff,
  oneOf,
  senecaAddresses,
  text,
  timeMs,
  yesOrNo,
} from './config-values.js'

/** One option of `sessiond serve`. */
export interface Option<T> {
  /** What stands after the flag in `--help`. */
  readonly placeholder: string
  readonly default?: string
  readonly help: string
  /** Several values, between commas; the flag may be repeated, and a file may hold an array. */
  readonly isList?: true
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
    placeholder: 'HOST:PORT',
    default: '127.0.0.1:8090',
    help: 'where gRPC listens; port 0 lets the system choose',
    parse: listenAddress,
  }),
  seneca: option({
    placeholder: 'ADDRESS',
    default: 'tcp://127.0.0.1:8807',
    help: 'where the sessions commands listen: tcp://HOST:PORT or http://HOST:PORT (POST /act), loopback only; several allowed, or off',
    isList: true,
    parse: senecaAddresses,
  }),
  http: option({
    placeholder: 'HOST:PORT',
    default: '127.0.0.1:8808',
    help: 'where the session list and its page are served, with /healthz and /readyz; or off',
    parse: listenAddressOrOff,
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
    help: 'when epoch 0 began: Unix seconds, or a date; fixed once the store is made',
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
    help: "the server's Ed25519 key, PKCS#8 PEM (default: identity.pem in the data directory, made at the first start)",
    parse: text,
  }),
  'sealing-keys': option({
    placeholder: 'FILE',
    help: 'the keys that seal session keys (default: sealing-keys.json in the data directory, made at the first start)',
    parse: text,
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
