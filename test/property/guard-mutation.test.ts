import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { schemeVerifier } from '../../src/crypto/schemes.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { readMessage } from '../../src/envelope/message.js'
import { anyRequest } from '../../src/envelope/shapes.js'
import {
  type GuardReason,
  type HttpRequest,
  readGrpcProof,
  readHttpProof,
  signGrpcRequest,
} from '../../src/guard/index.js'
import { carol } from '../support/envelope.js'
import { AUDIENCE, arrived, guardAt, NOW_MS, signedHttp } from '../support/guard.js'
import { byteMutations, mutate, type Random, seededRandom } from '../support/mutate.js'
import { CONTAINER, OBJECT, sessionKey, tokenWith } from '../support/tokens.js'

const isLong = Boolean(process.env.SESSIOND_TEST_LONG)
const CASES = isLong ? 1_000_000 : 10_000
const BATCH = 1_000
const MINUTES_MS = 60_000
const use = { verb: 'OBJECT_GET', object: { containerId: CONTAINER, objectId: OBJECT } } as const
const verify = schemeVerifier(sodiumEd25519)
const p256Token = tokenWith({ sessionKey: carol.publicKey })

/** Counts what became of damaged inputs; fails if one was accepted that is none of the originals. */
async function decideAll(decide: (seed: number) => GuardReason | 'whole' | 'accepted') {
  const outcomes = new Map<string, number>()
  for (let seed = 0; seed < CASES; seed++) {
    const outcome = decide(seed)
    if (outcome === 'accepted') {
      throw new Error(
        `accepted what nobody signed, seed ${seed}: ${JSON.stringify(damaged(seededRandom(seed)))}`,
      )
    }
    outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0))
    if (seed % BATCH === 0) {
      await setImmediate()
    }
  }
  return outcomes
}

type Headers = Record<string, string>
interface Sent {
  readonly headers: Headers
  readonly parts: { readonly method: string; readonly target: string; readonly body: Buffer }
}

const body = Buffer.from('{"some":"content"}')
const sent: Sent[] = []
for (const [key, token] of [
  [sessionKey, tokenWith()],
  [carol, p256Token],
] as const) {
  for (const parts of [
    { method: 'GET', target: '/c/o?x=1', body: Buffer.of() },
    { method: 'PUT', target: '/', body },
  ]) {
    const request = {
      ...{ method: parts.method, url: `https://${AUDIENCE}${parts.target}` },
      ...(parts.body.length > 0 && { body: parts.body }),
    }
    const headers = { ...(await signedHttp(request, NOW_MS, key, token)) } as Headers
    sent.push({ headers, parts })
  }
}

/** One of the signed requests, with one or more of its parts damaged. */
function damaged(random: Random): Sent {
  const one = sent[random(sent.length)] as Sent
  const other = sent[random(sent.length)] as Sent
  const headers = { ...one.headers }
  const parts = { ...one.parts }
  for (let times = 1 + random(2); times > 0; times--) {
    const names = [...Object.keys(headers), 'method', 'target', 'body']
    const name = names[random(names.length)] as string
    const swap = random(4) === 0
    if (name in headers) {
      const text = headers[name] as string
      headers[name] = swap ? (other.headers[name] ?? '') : damageText(random, text)
    } else if (name === 'body') {
      parts.body = swap ? other.parts.body : Buffer.from(damageText(random, `${parts.body} `))
    } else {
      const text = name === 'method' ? 'method' : 'target'
      parts[text] = swap ? other.parts[text] : damageText(random, parts[text])
    }
  }
  return { headers, parts }
}

function damageText(random: Random, text: string): string {
  const mutation = byteMutations[random(byteMutations.length)] as (typeof byteMutations)[number]
  return text === ''
    ? 'x'
    : mutation(random, Buffer.from(text, 'latin1'), Buffer.from(text)).toString('latin1')
}

/** What a server makes of it: header values lose the blanks around them. */
const seen = ({ headers, parts }: Sent) =>
  JSON.stringify([
    Object.entries(headers).map(([name, value]) => [name, value.trim()]),
    // To RFC 9421 an empty query is none.
    { ...parts, target: parts.target.replace(/\?$/, ''), body: parts.body.toString('hex') },
  ])

test(
  `of ${CASES} damaged HTTP requests none is accepted`,
  async () => {
    const whole = new Set(sent.map(seen))
    const { guard } = guardAt({ verify, maxRemembered: 10 * CASES, maxDriftMs: 5 * MINUTES_MS })
    const outcomes = await decideAll((seed) => {
      const one = damaged(seededRandom(seed))
      const request: HttpRequest = arrived(one.headers, one.parts)
      const verdict = guard.check(readHttpProof(request), use)
      if (whole.has(seen(one))) {
        return 'whole'
      }
      // What is only refused as a replay has passed all other checks.
      return verdict.isGood || verdict.reason === 'REPLAYED' ? 'accepted' : verdict.reason
    })
    // Damage reaches every check.
    for (const reason of ['NO_TOKEN', 'NO_PROOF', 'BAD_PROOF', 'BAD_SIGNATURE', 'MALFORMED']) {
      expect(outcomes.get(reason), reason).toBeGreaterThan(0)
    }
  },
  30 * MINUTES_MS,
)

test(
  `of ${CASES} damaged gRPC requests none is accepted`,
  async () => {
    const target = { audience: AUDIENCE, path: '/objects.v1.Objects/Get' }
    // Protobuf: the text is its first field.
    const encoded = Buffer.concat([Buffer.of(0x0a, body.length), body])
    const requests = await Promise.all([
      signGrpcRequest({ ...target, body: encoded, token: tokenWith() }, sessionKey, NOW_MS),
      signGrpcRequest(
        { ...target, body: Buffer.of(10, 0), token: tokenWith() },
        sessionKey,
        NOW_MS,
      ),
      signGrpcRequest({ ...target, body: encoded, token: p256Token }, carol, NOW_MS),
    ])
    const { guard } = guardAt({ verify, maxRemembered: 10 * CASES, maxDriftMs: 5 * MINUTES_MS })
    const signedParts = (bytes: Uint8Array) => {
      const { body: signedBody, innermost } = readMessage(bytes, anyRequest).message
      return Buffer.concat([innermost.meta, signedBody]).toString('hex')
    }
    const signed = new Set(requests.map(signedParts))
    const outcomes = await decideAll((seed) => {
      const bytes = mutate(seededRandom(seed), requests, anyRequest)
      const verdict = guard.check(readGrpcProof(bytes, target, guard.clock), use)
      if (!verdict.isGood && verdict.reason !== 'REPLAYED') {
        return verdict.reason
      }
      // In another wrapping it is the same request, which is served once.
      return signed.has(signedParts(bytes)) ? 'whole' : 'accepted'
    })
    for (const reason of ['NO_TOKEN', 'NO_PROOF', 'OTHER_REQUEST', 'BAD_PROOF']) {
      expect(outcomes.get(reason), reason).toBeGreaterThan(0)
    }
  },
  30 * MINUTES_MS,
)
