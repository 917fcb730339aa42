import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isTooDeep } from '../../src/core/commands/json-text.js'
import { sessionV1Json, sessionV1Members } from '../../src/core/commands/session-v1.js'
import type { SessionInfo } from '../../src/core/session.js'
import { isoText } from '../../src/core/time-text.js'
import { olderListedSessionJson, olderSessionJson } from '../../src/seneca/dialects.js'
import { refuseProto } from '../../src/seneca/json.js'
import { answerLine, readActMessage } from '../../src/seneca/wire.js'

/** Texts with whatever JSON must escape, and half of a surrogate pair. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u2028', '\ud800', '\u007f', '{') }),
)
const instant = fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 })
const recent = fc.integer({ min: 0, max: 4_000_000_000_000 })
/** As callers may have written it: on several lines. */
const json = fc.option(
  fc.tuple(fc.jsonValue(), fc.constantFrom(0, 2)).map(([value, indent]) => {
    return JSON.stringify(value, null, indent)
  }),
)
const session: fc.Arbitrary<SessionInfo> = fc.record({
  id: text,
  userId: text,
  userName: text,
  active: fc.boolean(),
  openTimeMs: recent,
  requestTimeMs: recent,
  closeTimeMs: fc.option(recent),
  address: text,
  client: text,
  user: json,
  data: json,
})

const iso = (timeMs: number) => new Date(timeMs).toISOString()
const value = (text: string | null) => (text === null ? null : JSON.parse(text))

it('an instant is written as a Date writes it', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(instant, recent)), (instants) => {
      expect(instants.map(isoText)).toEqual(instants.map(iso))
    }),
  )
})

it('a session of either dialect reads as what it is, on one line', () => {
  fc.assert(
    fc.property(session, (session) => {
      const { id, address, client, openTimeMs, requestTimeMs, closeTimeMs } = session
      const listed = {
        ...{ id, user_id: session.userId, user_name: session.userName, active: session.active },
        ...{ open_time: iso(openTimeMs), request_time: iso(requestTimeMs) },
        close_time: closeTimeMs === null ? null : iso(closeTimeMs),
        ...{ address, client },
      }
      const user = value(session.user)
      const data = value(session.data)
      const older = { id, opened: iso(openTimeMs), last_request: iso(requestTimeMs) }
      const texts = [
        sessionV1Json(session),
        `{${sessionV1Members(session)}}`,
        olderSessionJson(session),
        olderListedSessionJson(session),
      ]
      expect(texts.map(value)).toEqual([
        { ...listed, user, data },
        listed,
        { ...older, address, client, data, user },
        { ...older, address, client, data },
      ])
      expect(texts.join('')).not.toMatch(/[\r\n]/)
    }),
  )
})

it('an answer echoes what its message had, and nothing that it had not', () => {
  const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined })
  const message = fc.record({
    id: optional(text),
    origin: optional(text),
    track: optional(fc.array(text)),
    sync: optional(fc.boolean()),
    time: optional(
      fc.record({ client_sent: optional(fc.oneof(fc.double(), fc.maxSafeInteger())) }),
    ),
  })
  fc.assert(
    fc.property(message, fc.constantFrom(200, 404), (message, status) => {
      const line = Buffer.from(JSON.stringify({ ...message, kind: 'act', act: {} }))
      const outcome = { status, json: '{"a":[]}' }
      const times = { receivedAtMs: 1, sentAtMs: 2 }
      const answer = answerLine(readActMessage(line), outcome, 'listener', times)
      const { id, origin, track, sync, time } = JSON.parse(line.toString())
      const expected = {
        ...{ id, kind: 'res', origin, accept: 'listener', track, sync },
        time: { client_sent: time?.client_sent ?? undefined, listen_recv: 1, listen_sent: 2 },
        [status === 200 ? 'res' : 'error']: { a: [] },
      }
      expect(JSON.parse(answer)).toEqual(JSON.parse(JSON.stringify(expected)))
      expect(answer.indexOf('\n')).toBe(answer.length - 1)
    }),
  )
})

it('depth is counted as it is, whatever stands in the strings', () => {
  const levels = fc.array(fc.constantFrom('[', '{"a":'), { minLength: 55, maxLength: 75 })
  const closing = (opening: string) => (opening === '[' ? ']' : '}')
  fc.assert(
    fc.property(levels, text, (levels, inside) => {
      const deep = `${levels.join('')}${JSON.stringify(inside)}${levels.map(closing).reverse().join('')}`
      const wide = `[${JSON.stringify('[{'.repeat(40))},${'[],'.repeat(80)}{}]`
      expect(isTooDeep(deep)).toBe(levels.length > 64)
      expect(isTooDeep(wide)).toBe(false)
    }),
  )
})

it('a key __proto__ is found wherever it stands, and nothing else is taken for one', () => {
  const key = fc.constantFrom('a', '__proto__', 'constructor', '0')
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, 1, '__proto__', true),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.array(fc.tuple(key, tie('tree')), { maxLength: 3 }).map((entries) => {
        return Object.fromEntries(entries)
      }),
    ),
  }))
  fc.assert(
    fc.property(tree, (tree) => {
      const text = JSON.stringify(tree)
      const refused = () => refuseProto(JSON.parse(text))
      if (text.includes('"__proto__":')) {
        expect(refused).toThrow('__proto__')
      } else {
        expect(refused).not.toThrow()
      }
    }),
  )
})
