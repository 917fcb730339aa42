import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { SessiondError } from '../../src/core/errors.js'
import { actRunner } from '../../src/seneca/act.js'
import { COMMANDS } from '../../src/seneca/commands.js'
import { LineReader } from '../../src/seneca/lines.js'
import { answerLine, readActMessage } from '../../src/seneca/wire.js'
import { type Random, seededRandom } from '../support/mutate.js'
import { actLine, hooks, memorySessions } from '../support/seneca.js'
import { CALLER } from '../support/sessions.js'

const isLong = Boolean(process.env.SESSIOND_TEST_LONG)
const CASES = isLong ? 5_000_000 : 20_000
const BATCH = 1_000

const session = { session_id: 's', user_id: 'u', user: { id: 'u' }, data: { a: [null] } }
const page = {
  filter: { user_id: 'u', active: true, from_time: '2030-01-01T00:00:00Z', to_time: 1 },
  paging: { skip: 1, take: 2, total: true },
}
const names = { address: 'a', client: 'c', user_name: 'U' }

/** A valid line of every command. */
const originals = [...COMMANDS.keys()].flatMap((cmd) =>
  [session, { ...session, ...names }, { user_id: 'u' }, { session_id: 's', data: 1 }, page].map(
    (args) => actLine({ role: 'sessions', version: 1, cmd, ...args }),
  ),
)

const PARTS = [
  ...['null', 'true', '-1', '1e999', '""', '{}', '[]', '"a"', '{"__proto__":1}', '2', '0.5'],
  ...['"fatal$":true,', '"default$":{},', '"__proto__":{},', '"constructor":{},', '\\ud800'],
  ...['{', '}', '[', ']', '"', ':', ',', '\\', '\n', '\u0000', '['.repeat(70), '"'.repeat(9)],
]

function mutate(random: Random): Buffer {
  const pick = <T>(items: readonly T[]) => items[random(items.length)] as T
  if (random(20) === 0) {
    return Buffer.from(Array.from({ length: random(200) }, () => random(256)))
  }
  let text = pick(originals)
  for (let times = 1 + random(3); times > 0; times--) {
    const values = [...text.matchAll(/(?<=:)(?:"[^"]*"|[\d.]+|true|null)/g)]
    const value = pick(values)
    const at = random(text.length)
    text = pick<() => string>([
      () => text.slice(0, at) + pick(PARTS) + text.slice(at),
      () => text.slice(0, at) + text.slice(at + 1 + random(4)),
      () => text.slice(0, at) + pick(originals).slice(random(200)),
      ...Array.from({ length: 5 }, () => () => {
        const [old = '', begin = at] = value === undefined ? [] : [value[0], value.index]
        return text.slice(0, begin) + pick(PARTS) + text.slice(begin + old.length)
      }),
    ])()
  }
  const bytes = Buffer.from(text)
  if (random(4) === 0 && bytes.length > 0) {
    bytes[random(bytes.length)] = random(256)
  }
  return bytes
}

test(
  `of ${CASES} damaged messages none crashes, each gets a result or an error of the contract`,
  async () => {
    const { sessions } = memorySessions()
    const { told, observer } = hooks()
    const run = actRunner(sessions, observer)
    const outcomes = new Map<string, number>()
    const count = (outcome: string) => outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0))

    for (let seed = 0; seed < CASES; seed++) {
      const bytes = mutate(seededRandom(seed))
      const fail = (cause: unknown) =>
        new Error(`seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}`, { cause })
      const lines = new LineReader(1_000)
      try {
        lines.push(bytes)
        for (let line = lines.next(); line !== null; line = lines.next()) {
          const message = readActMessage(line)
          const outcome = await run(message.act, CALLER)
          const answer = answerLine(message, outcome, 'us', { receivedMs: 1, sentMs: 2 })
          // One line, and what a client can read.
          expect(answer.indexOf('\n')).toBe(answer.length - 1)
          const { id, error } = JSON.parse(answer)
          expect(id).toBe(message.id)
          count(error?.code ?? 'result')
        }
      } catch (error) {
        if (!(error instanceof SessiondError)) {
          throw fail(error)
        }
        count(error.code)
      }
      if (told.internal.length > 0) {
        throw fail(told.internal)
      }
      if (seed % BATCH === 0) {
        await setImmediate()
        for (const { id } of (await sessions.list({})).sessions) {
          await sessions.delete(id, undefined, CALLER)
        }
      }
    }
    expect({}).not.toHaveProperty('a')
    // The damage reaches every stage, else the test would show nothing.
    expect([...outcomes.keys()].sort()).toEqual([
      'ACT_NOT_FOUND',
      'INVALID_FIELD',
      'MALFORMED',
      'MISSING_FIELD',
      'NOT_FOUND',
      'UNSUPPORTED_VERSION',
      'result',
    ])
    expect(outcomes.get('INVALID_FIELD')).toBeGreaterThan(CASES / 50)
  },
  isLong ? 3 * 3_600_000 : 60_000,
)
