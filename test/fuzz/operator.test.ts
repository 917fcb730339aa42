import { Readable } from 'node:stream'
import { expect } from 'vitest'
import { answerOperator, type OperatorPorts } from '../../src/http/operator/operator.js'
import { HTTP_STATUSES } from '../../src/net/http-statuses.js'
import { CALLER, sessionsAt } from '../support/sessions.js'
import { fuzz } from './engine.js'
import { mutateJson } from './mutations.js'

const { sessions, search, audited } = sessionsAt()
const OPENED = await Promise.all(
  ['a', 'b', 'c'].map((address) => sessions.open({ userId: 'u', address, client: 'app' })),
)
const internal: unknown[] = []
const ports: OperatorPorts = {
  ...{ sessions, search },
  operator: () => CALLER,
  onInternalError: (_, error) => internal.push(error),
}
const STATUSES = new Set([200, ...Object.values(HTTP_STATUSES)])

/** One call: the action, then its body. */
const call = (action: string, body: object) => `${action}\n${JSON.stringify(body)}`
const ids = OPENED.map(({ id }) => id)
const cursor = (await answerOf('search', '{"limit":1}')).answer.next
const sorted = (await answerOf('search', '{"limit":1,"sort":"opened"}')).answer.next

async function answerOf(action: string, body: string) {
  const request = Readable.from([Buffer.from(body)]) as never as Parameters<
    typeof answerOperator
  >[0]
  Object.assign(request, { headers: { 'content-type': 'application/json' } })
  let [status, text] = [0, '']
  const response = {
    writeHead: (given: number) => {
      status = given
    },
    end: (given: string) => {
      text = given
    },
    once: () => {},
  } as never
  await answerOperator(request, response, `/operator/${action}`, ports)
  return { status, answer: JSON.parse(text) }
}

fuzz({
  name: 'operator',
  seeds: [
    call('search', {
      ...{ text: 'a', user: 'u', owner: 'o', address: 'a', client: 'app', kind: 'command' },
      ...{ state: 'open', sort: 'request', order: 'desc', limit: 1 },
    }),
    call('search', { limit: 1, cursor }),
    call('search', { limit: 1, sort: 'opened', cursor: sorted }),
    call('show', { session_id: ids[0] }),
    call('close', { session_ids: ids, dry_run: true }),
    call('delete', { session_ids: ['x', 'y'], dry_run: false }),
    call('close-user', { user_id: 'v', limit: 10, dry_run: true }),
  ],
  mutate: (random, originals) => mutateJson(random, originals),
  reaches: ['search', 'show', 'close', 'INVALID_FIELD', 'MALFORMED', 'NOT_FOUND'],
  async check(input) {
    const text = input.toString()
    const end = text.indexOf('\n')
    const action = text.slice(0, Math.max(end, 0))
    audited.length = 0
    const { status, answer } = await answerOf(action, text.slice(end + 1))
    expect(internal).toEqual([])
    expect(STATUSES).toContain(status)
    if (status !== 200) {
      expect(answer).toEqual({ code: expect.any(String), message: expect.any(String) })
      expect(audited).toEqual([])
      return answer.code
    }
    return action
  },
})
