import { Agent, request } from 'node:http'
import { afterAll, expect } from 'vitest'
import { SessiondError } from '../../src/core/errors.js'
import { HTTP_STATUSES } from '../../src/net/http-statuses.js'
import { actRunner } from '../../src/seneca/act.js'
import { COMMANDS } from '../../src/seneca/commands.js'
import { startSenecaHttp } from '../../src/seneca/http.js'
import { LineReader, LineTooLongError } from '../../src/seneca/lines.js'
import { startSenecaTcp } from '../../src/seneca/tcp.js'
import { answerLine, readActMessage, readBeginning } from '../../src/seneca/wire.js'
import type { Random } from '../support/mutate.js'
import { actLine, connectPeer, hooks, memorySessions, portOf } from '../support/seneca.js'
import { CALLER } from '../support/sessions.js'
import { fuzz } from './engine.js'
import { mutateJson } from './mutations.js'
import { sendAll, sendRaw } from './raw-peer.js'

const { sessions } = memorySessions()
const { told, ...hooked } = hooks()

const own = { session_id: 's', user_id: 'u' }
const place = { user_id: 'u', address: 'a', client: 'c' }
const user = { id: 'u', name: 'U' }
const data = { a: [null] }
const page = {
  filter: { user_id: 'u', active: true, from_time: '2030-01-01T00:00:00Z', to_time: 1 },
  paging: { skip: 1, take: 2, total: true },
}
/** What some command takes in either dialect, or none does. */
const args = [
  ...[{ user_id: 'u' }, page, own, { session_id: 's' }, place, {}],
  ...[
    { user, address: 'a', client: 'c', data },
    { ...place, user_name: 'U', user, data },
  ],
  ...[
    { ...own, data },
    { session_id: 's', data },
    { session_id: 's', user },
  ],
]
const acts = [...COMMANDS.keys()].flatMap((cmd) =>
  args.map((each) => ({ ...{ role: 'sessions', version: 1, cmd }, ...each })),
)

const STATUSES: Readonly<Record<string, number>> = { ...HTTP_STATUSES, ACT_NOT_FOUND: 404 }
/** An error tells of a session's id at most, whatever the request was. */
const MAX_ERROR_CHARS = 8_000

function checkError({ code, status, message }: Record<string, unknown>, json: string): string {
  expect(Object.keys(STATUSES)).toContain(code)
  expect(STATUSES[`${code}`]).toBe(status)
  expect(message).not.toBe('')
  expect(json.length).toBeLessThan(MAX_ERROR_CHARS)
  return `${code}`
}

let checks = 0

/** What no input may bring about, and keeps the store small. */
async function checkSound(): Promise<void> {
  expect(told.internal).toEqual([])
  told.refused.length = 0
  told.ended.length = 0
  if (checks++ % 500 === 0) {
    for (const { id } of (await sessions.list({})).sessions) {
      await sessions.delete(id, {}, CALLER)
    }
  }
}

/** The lines, or why there are none any more, in chunks of lengths that `length` gives. */
function linesOf(input: Buffer, length: () => number): string[] {
  const reader = new LineReader(200)
  const lines: string[] = []
  for (let at = 0; at < input.length; ) {
    const end = at + length()
    reader.push(Buffer.from(input.subarray(at, end)))
    at = end
    for (let line = nextOf(reader); line !== null; line = nextOf(reader)) {
      lines.push(line)
    }
  }
  return lines
}

function nextOf(reader: LineReader): string | null {
  try {
    return reader.next()?.toString('latin1') ?? null
  } catch (error) {
    if (!(error instanceof LineTooLongError)) {
      throw error
    }
    return `too long: ${outcomeOf(() => readBeginning(error.beginning))}`
  }
}

/** What is read of something, or that it is malformed. */
function outcomeOf(read: () => object): string {
  try {
    return JSON.stringify(read())
  } catch (error) {
    expect(error).toHaveProperty('code', 'MALFORMED')
    return 'MALFORMED'
  }
}

const runAct = actRunner(sessions, hooked.observer)

async function checkLine(line: Buffer): Promise<string> {
  let message: ReturnType<typeof readActMessage>
  try {
    message = readActMessage(line)
  } catch (error) {
    if (!(error instanceof SessiondError)) {
      throw error
    }
    expect(error.code).toBe('MALFORMED')
    return error.code
  }
  const outcome = await runAct(message.act, CALLER)
  const answer = answerLine(message, outcome, 'us', { receivedAtMs: 1, sentAtMs: 2 })
  expect(answer.indexOf('\n')).toBe(answer.length - 1)
  const { id, res, error } = JSON.parse(answer)
  expect(id).toBe(message.id)
  expect(res === undefined).toBe(outcome.status !== 200)
  return error === undefined ? 'result' : checkError(error, outcome.json)
}

fuzz({
  name: 'seneca-lines',
  seeds: [...acts, ...acts].map((act, i) =>
    actLine(i < acts.length ? act : { ...act, x: 'x'.repeat(200) }),
  ),
  mutate: mutateJson,
  reaches: [
    ...['result', 'ACT_NOT_FOUND', 'INVALID_FIELD', 'MALFORMED', 'MISSING_FIELD', 'NOT_FOUND'],
    'UNSUPPORTED_VERSION',
  ],
  async check(input, random: Random) {
    const lines = linesOf(input, () => input.length)
    const most = 1 + random(100)
    expect(linesOf(input, () => 1 + random(most))).toEqual(lines)
    const outcomes = await Promise.all(lines.map((line) => checkLine(Buffer.from(line, 'latin1'))))
    await checkSound()
    return outcomes[0] ?? 'no line'
  },
})

const GOOD = { role: 'sessions', cmd: 'get_session_by_id', session_id: 'unknown' }
const tcp = await startSenecaTcp('127.0.0.1', 0, sessions, hooked)
const good = await connectPeer(tcp)
afterAll(async () => {
  good.socket.destroy()
  await tcp.close(0)
})

fuzz({
  name: 'seneca-tcp',
  seeds: acts.map((act, i) => actLine(act) + actLine(GOOD, `m/${i}`)),
  mutate: mutateJson,
  reaches: ['answered', 'closed'],
  leastRuns: 200,
  async check(input) {
    const answers = (await sendAll(portOf(tcp), input)).toString().split('\n')
    expect(answers.pop()).toBe('')
    for (const answer of answers) {
      const { error } = JSON.parse(answer)
      if (error !== undefined) {
        checkError(error, JSON.stringify(error))
      }
    }
    expect(answers.length).toBeLessThanOrEqual(input.toString('latin1').split('\n').length)
    // The next peer is served as if nothing had been.
    good.send(actLine(GOOD, 'good'))
    expect(await good.answer()).toMatchObject({ id: 'good', res: null })
    await checkSound()
    return answers.length > 0 ? 'answered' : 'closed'
  },
})

const http = await startSenecaHttp('127.0.0.1', 0, sessions, hooked)
const agent = new Agent({ keepAlive: true })
afterAll(async () => {
  agent.destroy()
  await http.close(0)
})

function post(body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) =>
    request(`${http.address}/act`, {
      ...{ method: 'POST', agent, headers: { 'Content-Type': 'application/json' } },
    })
      .on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)))
      .on('error', reject)
      .end(body),
  )
}

const posts = acts.map((act, i) => {
  const body = JSON.stringify(act)
  const headers = [
    'Host: localhost:80',
    'Content-Type: application/json; charset=utf-8',
    ...(i % 2 === 0 ? ['seneca-id: a/b', 'seneca-track: ["a","b"]', 'seneca-origin: o'] : []),
    i % 3 === 0 ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`,
  ]
  const content = i % 3 === 0 ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body
  return `POST /act HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${content}`
})

fuzz({
  name: 'seneca-http',
  seeds: posts,
  mutate(random, originals) {
    const text = mutateJson(random, originals).toString('latin1')
    const bodyLength = text.length - text.indexOf('\r\n\r\n') - 4
    // Most damage is to bodies: half of them must get past the length.
    const told = random(2) === 0 ? `$1${bodyLength}` : '$&'
    return Buffer.from(text.replace(/(content-length: )\d+/i, told), 'latin1')
  },
  reaches: ['200', '400', '404', 'no answer'],
  leastRuns: 200,
  async check(input) {
    const answer = await sendRaw(portOf(http), input, async () =>
      expect(await post(JSON.stringify(GOOD))).toBe(200),
    )
    await checkSound()
    const text = answer.toString()
    const [, status, head = '', body = ''] =
      /^HTTP\/1\.1 (\d{3})([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(text) ?? []
    expect(status === undefined).toBe(text === '')
    expect(Number(status ?? 0)).not.toBe(500)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (/content-type: application\/json/i.test(head) && Buffer.byteLength(body) >= length) {
      const json = Buffer.from(body).subarray(0, length).toString()
      const told = JSON.parse(json)
      if (status !== '200' && told.code !== 'REQUEST_REFUSED') {
        checkError(told, json)
      }
    }
    return status ?? 'no answer'
  },
})
