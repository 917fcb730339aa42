// What the pictures of the documents show; draw.mjs draws them.

/** By the name of the picture's file. */
export const FLOWS = {
  overview: {
    title: 'An owner opens a session, a service acts under it, others check it, the owner ends it',
    actors: [
      'owner\nhas the long-term key',
      'sessiond\nkeeps the session key',
      'your service\nhas no key of the owner',
      'whoever is asked\nsuch as a store',
    ],
    gap: 226,
    steps: [
      { from: 0, to: 1, text: 'open a session for 1 h,\nsigned by the owner' },
      { from: 1, to: 0, text: 'session ID, public key', isAnswer: true },
      { from: 0, to: 2, text: 'token: may GET for 5 min, signed by the owner' },
      { from: 2, to: 1, text: 'sign this request,\nunder the token' },
      { from: 1, to: 2, text: 'signature by session key', isAnswer: true },
      { from: 2, to: 3, text: 'request, token, signature' },
      { at: 3, note: "checks both signatures\nwith the owner's ID alone" },
      { from: 0, to: 1, text: 'end the session' },
      { at: 1, note: 'erases the session key: from here on it signs nothing' },
    ],
  },
  check: {
    title: 'A token is issued and checked without a server',
    actors: ['owner\nowner key', 'holder\nsession key', 'checker\nneeds no server'],
    gap: 270,
    steps: [
      { at: 0, note: 'signs: session, verb, object,\nlifetime, session key' },
      { from: 0, to: 1, text: 'token' },
      { at: 1, note: 'signs the request with the session key' },
      { from: 1, to: 2, text: 'request, token, signature' },
      {
        at: 2,
        note: "the owner's signature, lifetime,\nverb, object, then the request's signature",
      },
    ],
  },
  sign: {
    title: 'A service has the sealed key sign for an owner who is away',
    actors: [
      'owner\nmay be away',
      'service\nnamed in --signers',
      'sessiond\nsealed session key',
      'checker\nneeds no server',
    ],
    gap: 214,
    steps: [
      { from: 0, to: 1, text: 'token, once' },
      { from: 1, to: 2, text: 'Sign(token, verb, data)' },
      {
        at: 2,
        note: 'may this service use this verb? token good, session alive?\nopens the seal, signs, forgets; audited and counted',
      },
      { from: 2, to: 1, text: 'signatures', isAnswer: true },
      { from: 1, to: 3, text: 'data, token, signature' },
      { at: 3, note: 'checks as if the owner\nhad sent it' },
    ],
  },
  bind: {
    title: 'A session for a key that the client holds',
    actors: [
      'client\nsession key, not exportable',
      'owner\nowner key',
      'sessiond\nhas no private key of it',
    ],
    gap: 262,
    steps: [
      { from: 0, to: 1, text: 'public key' },
      { from: 1, to: 0, text: 'what to prove', isAnswer: true },
      { from: 0, to: 1, text: 'proof: its signature' },
      { from: 1, to: 2, text: 'Bind, signed by both keys' },
      { from: 2, to: 1, text: 'session ID', isAnswer: true },
      { from: 1, to: 0, text: 'session ID, token', isAnswer: true },
      { at: 0, note: 'signs every request by itself' },
    ],
  },
  introspect: {
    title: 'A gateway asks about each request, and hears of the end at once',
    actors: [
      'client\nhas a token or a JWT',
      'gateway\nsuch as nginx',
      'sessiond\nknows what has ended',
      'service\nbehind the gateway',
    ],
    gap: 214,
    steps: [
      { from: 0, to: 1, text: 'Authorization: Bearer …' },
      { from: 1, to: 2, text: 'POST /oauth2/introspect' },
      { from: 2, to: 1, text: '"active": true, sub, exp …', isAnswer: true },
      { from: 1, to: 3, text: 'the request, with its owner' },
      { at: 2, note: 'the session ends' },
      { from: 0, to: 1, text: 'Authorization: Bearer …' },
      { from: 1, to: 2, text: 'POST /oauth2/introspect' },
      { from: 2, to: 1, text: '"active": false', isAnswer: true },
      { from: 1, to: 0, text: '401', isAnswer: true },
    ],
  },
  jwt: {
    title: 'A JWT of a session, checked by the published keys',
    actors: ['owner\nor session key', 'sessiond\nidentity key', 'gateway\nany JWT library'],
    gap: 262,
    steps: [
      { from: 0, to: 1, text: 'IssueJwt(session, audience)' },
      { from: 1, to: 0, text: 'JWT with the session key in cnf', isAnswer: true },
      { from: 2, to: 1, text: 'GET /.well-known/jwks.json' },
      { from: 1, to: 2, text: 'public keys, good for 5 min', isAnswer: true },
      { from: 0, to: 2, text: 'request with the JWT' },
      { at: 2, note: 'signature, iss, aud, exp; then that the sender has the key in cnf' },
    ],
  },
  guard: {
    title: 'A guard serves only requests under session tokens of living sessions',
    actors: [
      'client\nsession key',
      'guard\nin your service',
      'your handler\nsees good requests only',
      'sessiond\nknows what has ended',
    ],
    gap: 214,
    steps: [
      { from: 3, to: 1, text: 'Watch: each ending, signed, within a second', isAnswer: true },
      { from: 0, to: 1, text: 'request, token, signature' },
      {
        at: 1,
        note: 'token good for this? signed by the session key,\nfor this service, now, once? session not ended?',
      },
      { from: 1, to: 2, text: 'the request' },
    ],
  },
}
