import { expect } from 'vitest'
import { InputFileError, SessiondError } from '../../src/core/errors.js'
import { recordsIn } from '../../src/offline/import/document.js'
import { type Element, MAX_ELEMENT_BYTES } from '../../src/offline/import/element.js'
import { importedSession } from '../../src/offline/import/record.js'
import { splitFile } from '../../src/offline/import/split.js'
import { decodeSession, encodeSession } from '../../src/stores/rows/codec.js'
import { importFiles } from '../support/import-files.js'
import type { Random } from '../support/mutate.js'
import { START_MS } from '../support/sessions.js'
import { fuzz } from './engine.js'
import { mutateJson } from './mutations.js'

const times = { open_time: '2023-11-14T20:00:00.000Z', request_time: 1_700_000_000_000 }
const older = {
  ...{ id: 'o1', opened: '2023-11-14T20:00:00Z', last_request: '2023-11-14T21:00:00+01:00' },
  ...{ address: 'here', client: 'app', user: { id: 'alice', name: 'Alice' }, data: { a: [1] } },
}
const newer = {
  ...{ id: 'n1', user_id: 'bob', user_name: 'Bob', active: true, ...times, close_time: null },
  ...{ address: 'there', client: 'web', user: { a: '[",\\"]' }, data: null },
}
const ended = { ...newer, id: 'n2', active: false, close_time: '1970-01-01T00:00:00Z' }

/** What the splitter makes of the bytes, in chunks of lengths that `length` gives. */
async function split(input: Buffer, length: () => number) {
  const elements: Element[] = []
  let problem = ''
  async function* chunks() {
    for (let at = 0; at < input.length; ) {
      const end = at + length()
      // A chunk of its own, as from a file: what is kept of it must be a copy, or stay unchanged.
      yield Buffer.from(input.subarray(at, end))
      at = end
    }
  }
  try {
    for await (const element of splitFile(chunks(), 'sessions.json')) {
      elements.push(element)
    }
  } catch (error) {
    if (!(error instanceof InputFileError)) {
      throw error
    }
    expect(error.message).toMatch(/^sessions\.json: (line \d+|holds nothing)/)
    problem = error.message
  }
  return { elements, problem }
}

function readElement({ bytes }: Element): string {
  if (bytes === null) {
    return 'too long'
  }
  expect(bytes.length).toBeLessThanOrEqual(MAX_ELEMENT_BYTES)
  try {
    for (const { record } of recordsIn(bytes)) {
      const session = importedSession(record ?? {}, START_MS, 1000)
      expect(decodeSession(encodeSession(session))).toEqual(session)
      for (const json of [session.user, session.data]) {
        JSON.parse(json ?? 'null')
      }
    }
    return 'sessions'
  } catch (error) {
    if (!(error instanceof SessiondError)) {
      throw error
    }
    return 'left out'
  }
}

async function check(input: Buffer, random: Random): Promise<string> {
  const whole = await split(input, () => input.length)
  const most = Math.max(1 + random(40), input.length >> 9)
  expect(await split(input, () => 1 + random(most))).toEqual(whole)
  const outcomes = whole.elements.map(readElement)
  if (whole.problem === '') {
    // The splitter takes for an array whatever JSON does, element by element.
    let parsed: unknown
    try {
      parsed = JSON.parse(input.toString().replace(/^\ufeff/, ''))
    } catch {
      return outcomes[0] ?? 'empty'
    }
    if (Array.isArray(parsed)) {
      expect(parsed).toHaveLength(outcomes.length)
    }
  }
  return whole.problem === '' ? (outcomes[0] ?? 'empty') : 'broken'
}

const left = importFiles(START_MS - 60_000)

fuzz({
  name: 'import-file',
  seeds: [
    JSON.stringify([older, newer, ended], null, 2),
    JSON.stringify([older]),
    left['mongoexport --jsonFormat=canonical'] ?? '',
    left['oldest mongoexport'] ?? '',
    left['mongoexport --pretty'] ?? '',
    `\ufeff\n[${JSON.stringify(newer)}\r\n,\t${JSON.stringify(ended)}]`,
  ],
  mutate: mutateJson,
  leastRuns: 1000,
  reaches: ['sessions', 'left out', 'broken'],
  check,
})
