import { option } from './option.js'
import { count, natMap, text, timerMs } from './values.js'

/** Options of a store in Valkey or Redis: how it is reached, and what counts as written. */
export const ENGINE_OPTIONS = {
  storeReplicas: option({
    name: 'store-replicas',
    placeholder: 'N',
    default: '1',
    help: 'how many replicas must have received a write before it is acknowledged; 0 accepts an engine without replicas',
    parse: count,
  }),
  storeTimeoutMs: option({
    name: 'store-timeout',
    placeholder: 'DURATION',
    default: '2s',
    help: 'how long the engine may take for a write or read, replicas and failover included; then the call is UNAVAILABLE',
    parse: timerMs,
  }),
  storePasswordFile: option({
    name: 'store-password',
    placeholder: 'FILE',
    unset: null,
    help: 'file with the password of the user in valkey://USER@HOST:PORT, or of the default user; read for each connection',
    parse: text,
  }),
  storeCa: option({
    name: 'store-ca',
    placeholder: 'FILE',
    unset: null,
    help: "CA certificates, PEM, that the engine's must be signed by; without it, those that Node knows; read for each connection",
    parse: text,
  }),
  storeTlsCert: option({
    name: 'store-tls-cert',
    placeholder: 'FILE',
    unset: null,
    help: 'client certificate chain, PEM, for an engine that asks for one (tls-auth-clients yes); read for each connection',
    parse: text,
  }),
  storeTlsKey: option({
    name: 'store-tls-key',
    placeholder: 'FILE',
    unset: null,
    help: 'private key of the client certificate for the engine, PEM; read for each connection',
    parse: text,
  }),
  storeNat: option({
    name: 'store-nat',
    placeholder: 'LIST',
    unset: new Map(),
    isList: true,
    help: 'where nodes are reached that announce another address: ANNOUNCED=REACHED, both HOST:PORT, with commas between',
    parse: natMap,
  }),
}
