import { connect, createSession, generateKey, signerOf } from '../../dist/client/index.js'
import { tokens } from '../../dist/envelope/shapes.js'
import { signRequest } from '../../dist/envelope/sign.js'
import { SessionToken } from '../../dist/generated/service/meta.js'
import {
  IntrospectRequest_Body,
  SignRequest_Body,
  TokensMethod,
} from '../../dist/generated/sessiond/v1/tokens.js'
import { epochNow, issueToken } from '../../dist/tokens/index.js'
import { measure } from '../lib/measure.js'
import { encodeMeta } from '../lib/meta.js'
import { UnaryClient } from '../lib/unary-client.js'

/*
 * The load generator of `Introspect` and `Sign`: `node calls.js JOB`. JOB is JSON with the `kind` of call, `port` and `pid` of
 * the server under load, `path`, the port of the server that opens the sessions (`sessionsPort`), and `seconds`.
 */

const SESSIONS = 64
const LIFETIME_MS = 3_600_000
const SIGNED_BYTES = 1024
/** The same within an epoch, as a client sends it that does not give each request a key. */
const META = encodeMeta()

const { kind, port, path, sessionsPort, ...load } = JSON.parse(process.argv[2])

const kinds = {
  async Introspect(session) {
    const body = IntrospectRequest_Body.encode({
      method: TokensMethod.TOKENS_METHOD_INTROSPECT,
      epoch: epochNow(),
      id: Buffer.from(session.id.replaceAll('-', ''), 'hex'),
      token: undefined,
      jwt: '',
    })
    return [body, tokens.introspectRequest]
  },
  async Sign(session, signer) {
    const token = await issueToken({ session, verb: 'OBJECT_PUT' }, signer)
    const body = SignRequest_Body.encode({
      method: TokensMethod.TOKENS_METHOD_SIGN,
      epoch: epochNow(),
      token: SessionToken.decode(token),
      verb: 0,
      objectAddress: undefined,
      data: [Buffer.alloc(SIGNED_BYTES, 7)],
    })
    return [body, tokens.signRequest]
  },
}

async function requestOf(server) {
  const ownerKey = generateKey('ed25519')
  const signer = signerOf(ownerKey)
  const session = await createSession(server, { ownerKey, lifetimeMs: LIFETIME_MS })
  const [body, shape] = await kinds[kind](session, signer)
  return signRequest({ body: body.finish(), meta: META }, signer, shape)
}

const server = connect(`127.0.0.1:${sessionsPort}`, { serverKeys: 'any' })
const requests = await Promise.all(Array.from({ length: SESSIONS }, () => requestOf(server)))
server.close()
function* messages() {
  for (let i = 0; ; i++) {
    yield requests[i % SESSIONS]
  }
}

const newConnection = () => new UnaryClient(port, path)
const figures = await measure(newConnection, messages(), { ...load, repeat: true })
console.log(JSON.stringify(figures))
