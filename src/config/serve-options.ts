import { parseStoreName, STORES_HELP } from '../stores/index.js'
import { ENGINE_OPTIONS } from './engine-options.js'
import { GRPC_LIMIT_OPTIONS } from './grpc-limits.js'
import { type Option, option, type ValuesOf } from './option.js'
import { SESSION_OPTIONS } from './session-options.js'
import { TOKEN_OPTIONS } from './token-options.js'
import {
  count,
  fileMode,
  grpcAddress,
  listenAddressOrOff,
  oneOf,
  origins,
  pathPrefix,
  senecaAddresses,
  text,
  timerMs,
  timerOrNoneMs,
  waitMs,
  yesOrNo,
} from './values.js'

const DATA = {
  dataDir: option({
    name: 'data-dir',
    placeholder: 'DIR',
    default: './data',
    help: 'directory of the store, the keys and the audit log; created if missing',
    parse: text,
  }),
  store: option({
    name: 'store',
    placeholder: 'STORE',
    default: 'level',
    help: STORES_HELP,
    parse: parseStoreName,
  }),
  identityKey: option({
    name: 'identity-key',
    placeholder: 'FILE',
    default: { inDataDir: 'identity.pem' },
    help: "the server's Ed25519 signing key: PEM, OpenSSH or JSON Web Key; created at the first start",
    parse: text,
  }),
  sealingKeys: option({
    name: 'sealing-keys',
    placeholder: 'FILE',
    default: { inDataDir: 'sealing-keys.json' },
    help: 'keys that encrypt the session keys in the store; created at the first start',
    parse: text,
  }),
  auditLog: option({
    name: 'audit-log',
    placeholder: 'FILE',
    default: { inDataDir: 'audit.jsonl' },
    help: 'file that gets one JSON line for everything closed, deleted or administered; the server only appends to it',
    parse: text,
  }),
  acceptDamage: option({
    name: 'accept-damage',
    placeholder: 'ANSWER',
    default: 'no',
    bare: 'yes',
    help: 'yes: start with a damaged store, without the data that LevelDB cannot read; the damaged files are copied first',
    parse: yesOrNo,
  }),
  waitForLockMs: option({
    name: 'wait-for-lock',
    placeholder: 'DURATION',
    default: 'none',
    bare: 'forever',
    help: 'how long to wait for the data directory while another server uses it: a duration, none or forever',
    parse: waitMs,
  }),
}

const ADDRESSES = {
  grpc: option({
    name: 'grpc',
    placeholder: 'ADDRESS',
    default: '127.0.0.1:8090',
    help: 'gRPC address: HOST:PORT (port 0: the system chooses one) or a Unix socket, unix:PATH',
    parse: grpcAddress,
  }),
  grpcSocketMode: option({
    name: 'grpc-socket-mode',
    placeholder: 'MODE',
    default: '0600',
    help: 'permissions of the Unix socket: who may connect to it; 0660 admits its group',
    parse: fileMode,
  }),
  seneca: option({
    name: 'seneca',
    placeholder: 'ADDRESS',
    default: 'tcp://127.0.0.1:8807',
    help: 'addresses of the sessions commands for Seneca: tcp://HOST:PORT or http://HOST:PORT (POST /act), several allowed; or off',
    isList: true,
    parse: senecaAddresses,
  }),
  http: option({
    name: 'http',
    placeholder: 'HOST:PORT',
    default: '127.0.0.1:8808',
    help: 'HTTP address of the session list, its page, /v1/sessions/COMMAND, /healthz, /readyz and /metrics; or off',
    parse: listenAddressOrOff,
  }),
  httpPath: option({
    name: 'http-path',
    placeholder: 'PREFIX',
    default: '/',
    help: 'path of the page, the session list and operator mode, behind a proxy that keeps it: /sessions; probes, /metrics, /v1/sessions/ and OAuth stay at the root',
    parse: pathPrefix,
  }),
}

const ACCESS = {
  tlsCert: option({
    name: 'tls-cert',
    placeholder: 'FILE',
    unset: null,
    help: 'TLS certificate chain for gRPC and HTTP, PEM; reread when it changes',
    parse: text,
  }),
  tlsKey: option({
    name: 'tls-key',
    placeholder: 'FILE',
    unset: null,
    help: 'private key of the certificate, PEM; reread when it changes',
    parse: text,
  }),
  tlsClientCa: option({
    name: 'tls-client-ca',
    placeholder: 'FILE',
    unset: null,
    help: 'CA certificates, PEM; a client certificate that one of them signed is an admin credential; reread when they change',
    parse: text,
  }),
  plaintext: option({
    name: 'plaintext',
    placeholder: 'ANSWER',
    default: 'no',
    help: 'yes: listen beyond loopback without TLS, behind a proxy that provides it or on a private network',
    parse: yesOrNo,
  }),
  adminTokenFile: option({
    name: 'admin-token-file',
    placeholder: 'FILE',
    unset: null,
    help: 'file with the admin token, which sessions_v1, commandable, Admin, /v1/sessions/, /metrics and operators on the page must then present, on loopback too; reread when it changes',
    parse: text,
  }),
  insecureCommands: option({
    name: 'insecure-commands',
    placeholder: 'ANSWER',
    default: 'no',
    help: 'yes: let --seneca listen beyond loopback and accept proxied requests: anyone who can connect can read, close and delete every session',
    parse: yesOrNo,
  }),
  feedTokenFile: option({
    name: 'feed-token',
    placeholder: 'FILE',
    unset: null,
    help: 'file with the token that viewers of the session list must present; read at the start',
    parse: text,
  }),
  feedPublic: option({
    name: 'feed-public',
    placeholder: 'ANSWER',
    default: 'no',
    help: 'yes: anyone who can connect to --http can watch the session list, with its IDs and names',
    parse: yesOrNo,
  }),
  feedOrigins: option({
    name: 'feed-origin',
    placeholder: 'ORIGIN',
    unset: [],
    help: 'other web pages that may watch the session list, as browsers name them: https://example.com, several allowed; operator mode stays closed to them',
    isList: true,
    parse: origins,
  }),
  owners: option({
    name: 'owners',
    placeholder: 'RULE',
    default: 'self-certifying',
    help: 'who may open sessions for an owner: self-certifying (the owner ID names its key), any-signer (closed networks only), or a JSON FILE of owners and their keys, reread when it changes',
    parse: text,
  }),
}

const PROCESS = {
  cryptoThreads: option({
    name: 'crypto-threads',
    placeholder: 'N',
    default: '1',
    help: 'worker threads that check signatures and make session keys; at most one less than the machine has cores, so that other calls are served meanwhile',
    parse: count,
  }),
  graceMs: option({
    name: 'grace',
    placeholder: 'DURATION',
    default: '10s',
    help: 'how long running calls may continue after the server is told to stop',
    parse: timerMs,
  }),
  drainDelayMs: option({
    name: 'drain-delay',
    placeholder: 'DURATION',
    default: 'none',
    help: 'how long a stopping server keeps accepting calls while it reports NOT_SERVING, so that load balancers notice',
    parse: timerOrNoneMs,
  }),
  logLevel: option({
    name: 'log-level',
    placeholder: 'LEVEL',
    default: 'info',
    help: 'least severe level that is logged: error, warn, info or debug',
    parse: oneOf('error', 'warn', 'info', 'debug'),
  }),
  logFormat: option({
    name: 'log-format',
    placeholder: 'FORMAT',
    default: 'auto',
    help: 'json: one JSON object a line; text: lines for people; auto: text on a terminal, else json',
    parse: oneOf('auto', 'json', 'text'),
  }),
}

/** The groups of `--help` and docs/options.md, each with its options. */
export const OPTION_GROUPS = {
  Data: DATA,
  'Valkey or Redis': ENGINE_OPTIONS,
  Addresses: ADDRESSES,
  Access: ACCESS,
  Sessions: SESSION_OPTIONS,
  Tokens: TOKEN_OPTIONS,
  'gRPC limits': GRPC_LIMIT_OPTIONS,
  Process: PROCESS,
} satisfies Record<string, Readonly<Record<string, Option<unknown>>>>

/**
 * Every option of `sessiond serve`, by its key in `Config`. The command line wins over the environment variable, and the
 * variable over the `--config` file.
 */
export const SERVE_OPTIONS = {
  ...DATA,
  ...ENGINE_OPTIONS,
  ...ADDRESSES,
  ...ACCESS,
  ...SESSION_OPTIONS,
  ...TOKEN_OPTIONS,
  ...GRPC_LIMIT_OPTIONS,
  ...PROCESS,
}

/** The configuration of a server. A duration or limit that can be switched off is then 0. */
export interface Config extends ValuesOf<typeof SERVE_OPTIONS> {}
