import { option } from './option.js'
import { count, httpUrl, text } from './values.js'

/** Options of what is done under sessions: signing, JWTs, introspection. */
export const TOKEN_OPTIONS = {
  signers: option({
    name: 'signers',
    placeholder: 'FILE',
    unset: null,
    help: 'JSON file of services that may have session keys sign for owners who are away: public keys, each with the verbs that it may use; reread when it changes',
    parse: text,
  }),
  signsPerSecond: option({
    name: 'signs-per-second',
    placeholder: 'N',
    default: '1000',
    help: 'signatures per second by the key of one session (bursts of 1 s, or 64); 0: no limit',
    parse: count,
  }),
  issuer: option({
    name: 'issuer',
    placeholder: 'URL',
    unset: null,
    help: 'who issues JWTs: the URL by which others reach --http, as https://sessions.example (default: the address of --http)',
    parse: httpUrl,
  }),
  introspectionTokensFile: option({
    name: 'introspection-tokens',
    placeholder: 'FILE',
    unset: null,
    help: 'JSON file of resource servers that may ask POST /oauth2/introspect: their names, each with its token; reread when it changes',
    parse: text,
  }),
}
