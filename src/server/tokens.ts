import { randomUUID } from 'node:crypto'
import { hex } from '@scure/base'
import { LRUCache } from 'lru-cache'
import { RateLimitedError } from '../core/errors.js'
import { ownerText } from '../core/owner-text.js'
import { speaksFor } from '../core/use/access.js'
import { type SignerVerbs, watchSignersFile } from '../credentials/signers-file.js'
import { schemeVerifier } from '../crypto/schemes.js'
import { sodiumEd25519 } from '../crypto/sodium.js'
import { MAX_SIGNED_STRINGS } from '../envelope/tokens.js'
import type { TokensServicePorts } from '../grpc/services/tokens/tokens.js'
import { TokenBucket } from '../grpc/transport/token-bucket.js'
import { TokenChecker } from '../tokens/checker.js'
import { Introspection } from '../tokens/introspection.js'
import { VERBS } from '../tokens/token.js'
import type { Backend } from './backend.js'
import type { ServerContext } from './context.js'

/** Sessions whose signatures are counted, those that signed last. */
const COUNTED_SESSIONS = 10_000

/** Who issues JWTs where HTTP is off. */
const NO_ADDRESS = 'sessiond'

const verify = schemeVerifier(sodiumEd25519)

/** What gRPC and HTTP need for what is done under sessions. */
export interface TokenDesk extends TokensServicePorts {
  /** How many the keys of sessions made since the start. */
  readonly signatures: () => number
  /** Where HTTP is served, which is who issues JWTs unless --issuer says otherwise. Several addresses with commas. */
  readonly servedAt: (addresses: string) => void
}

/** Throws InputFileError. */
export function openTokenDesk(context: ServerContext, backend: Backend): TokenDesk {
  const { config } = context
  const { store, expiry, owners, clock, audit, keys } = backend
  const signers = openSigners(context)
  const checker = new TokenChecker({
    owners: (owner, signer) => speaksFor(owners, owner, signer),
    verify,
  })
  let signatures = 0
  const issuer = openIssuer(config)
  const identities = () => [keys.identity.current, ...[keys.identity.next ?? []].flat()]
  return {
    ...{ store, expiry, owners, clock, audit, checker },
    introspection: new Introspection({ store, rules: expiry.rules, clock, checker, identities }),
    allows: (signer, verb) => signers().get(hex.encode(signer))?.has(verb) ?? false,
    isService: (signer) => signers().has(hex.encode(signer)),
    limit: signatureLimit(config.signsPerSecond, () => clock.nowMs()),
    onSigned(count) {
      signatures += count
    },
    ...issuer,
    jwtIdentity: () => keys.identity.current,
    newJwtId: randomUUID,
    create: backend.create,
    newSessionId: (owner) => backend.newId(ownerText(owner)),
    signatures: () => signatures,
  }
}

/** Who issues JWTs: where HTTP is served, which is known as soon as it listens. */
function openIssuer({
  issuer,
  http,
}: ServerContext['config']): Pick<TokenDesk, 'issuer' | 'servedAt'> {
  let listens: TokenDesk['servedAt'] = () => {}
  const address = new Promise<string>((resolve) => {
    listens = (addresses) => resolve(addresses.split(',', 1)[0] as string)
  })
  const named = issuer ?? (http === null ? NO_ADDRESS : null)
  return {
    issuer: () => (named === null ? address : Promise.resolve(named)),
    servedAt: (addresses) => listens(addresses),
  }
}

/** The services that the operator named, as of now. */
function openSigners({ config, log, lifecycle }: ServerContext): () => SignerVerbs {
  if (config.signers === null) {
    const none: SignerVerbs = new Map()
    return () => none
  }
  const file = watchSignersFile(config.signers, VERBS, (outcome) => {
    if ('error' in outcome) {
      const reason = (outcome.error as Error).message
      log.error({ event: 'signers-not-read', reason }, 'the earlier signers stay')
    } else {
      const signers = outcome.value.size
      log.info({ event: 'signers-read', signers }, 'the signers file was read anew')
    }
  })
  lifecycle.add(() => file.close())
  return () => file.current()
}

/** Limits the signatures of each session. 0: no limit. */
function signatureLimit(perSecond: number, nowMs: () => number): TokenDesk['limit'] {
  const buckets = new LRUCache<string, TokenBucket>({ max: COUNTED_SESSIONS })
  return (id, signatures) => {
    if (perSecond === 0) {
      return
    }
    let bucket = buckets.get(id)
    if (bucket === undefined) {
      bucket = new TokenBucket(perSecond, Math.max(perSecond, MAX_SIGNED_STRINGS), nowMs())
      buckets.set(id, bucket)
    }
    if (!bucket.take(signatures, nowMs())) {
      throw new RateLimitedError('signatures', perSecond)
    }
  }
}
