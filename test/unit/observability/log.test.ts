import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { Metadata } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { InputFileError, StoreUnavailableError } from '../../../src/core/errors.js'
import { Secret } from '../../../src/credentials/secret.js'
import { keptLog } from '../../support/log.js'

const PLANTED = 'planted-9d61b19deffd5a60'

function thrown(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('a line of the log', () => {
  it('holds the event, what is named, and a text', () => {
    const { log, lines } = keptLog()
    log.info(
      { event: 'ready', grpc: 'a:1', seneca: ['b', 'c'], counts: { a: 1 }, no: undefined },
      'hi',
    )
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        event: 'ready',
        grpc: 'a:1',
        seneca: ['b', 'c'],
        counts: { a: 1 },
        msg: 'hi',
      },
    ])
  })

  it('takes no object with all that it holds, and the types say so', () => {
    const { log, lines, text } = keptLog()
    const metadata = new Metadata()
    metadata.set('authorization', PLANTED)
    const token = new Secret(PLANTED)
    // @ts-expect-error: bytes
    log.info({ event: 'a', bytes: Buffer.from(PLANTED) }, '')
    // @ts-expect-error: an object of a class
    log.info({ event: 'a', metadata }, '')
    // @ts-expect-error: a record of texts
    log.info({ event: 'a', headers: { authorization: PLANTED } }, '')
    // @ts-expect-error: a secret
    log.info({ event: 'a', token }, '')
    // @ts-expect-error: an error under another name than err
    log.info({ event: 'a', error: new Error(PLANTED) }, '')
    for (const line of lines()) {
      expect(Object.values(line)).toContain('[left out]')
    }
    expect(lines()).toHaveLength(5)
    expect(text()).not.toContain(PLANTED)
    expect(text()).not.toContain(Buffer.from(PLANTED).toJSON().data.join())
  })

  it.each<[string, unknown, object]>([
    [
      'one of ours, with its causes',
      new InputFileError('f', 'bad', new StoreUnavailableError('gone')),
      {
        name: 'InputFileError',
        code: 'INVALID_INPUT_FILE',
        message: 'f: bad',
        cause: { name: 'StoreUnavailableError' },
      },
    ],
    [
      'one of the system',
      Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
      { name: 'Error', code: 'ENOSPC', message: 'ENOSPC: no space left on device, write' },
    ],
    [
      'one of LevelDB below one of ours',
      new StoreUnavailableError(
        'a write failed',
        Object.assign(new Error('IO error: 000005.log'), { code: 'LEVEL_IO_ERROR' }),
      ),
      { cause: { code: 'LEVEL_IO_ERROR', message: 'IO error: 000005.log' } },
    ],
    [
      'one that is its own cause',
      (() => {
        const error = new TypeError()
        error.cause = error
        return error
      })(),
      { cause: { cause: { cause: { cause: { name: 'TypeError' } } } } },
    ],
    ['no error', PLANTED, { name: 'string' }],
  ])('tells of an error: %s', (_, err, expected) => {
    const { log, lines, text } = keptLog()
    log.error({ event: 'failed', err }, 'it failed')
    expect(lines()).toMatchObject([{ err: expected }])
    expect(text()).not.toContain(PLANTED)
  })

  it.each<[string, unknown]>([
    ['a message', new Error(PLANTED)],
    ['what JSON.parse quotes', thrown(() => JSON.parse(PLANTED))],
    // @ts-expect-error: no such encoding
    ['what Node quotes', thrown(() => Buffer.from('', PLANTED))],
    ['fields', Object.assign(new Error(), { metadata: PLANTED, details: PLANTED })],
    ['a cause of a stranger', new Error('', { cause: new Error(PLANTED) })],
    ['a stranger as the cause of ours', new StoreUnavailableError('', new Error(PLANTED))],
  ])('does not quote %s', (_, err) => {
    expect(inspect(err)).toContain(PLANTED.slice(0, 10))
    const { log, lines, text } = keptLog()
    log.error({ event: 'failed', err }, 'it failed')
    expect(text()).not.toContain(PLANTED.slice(0, 10))
    expect(lines()[0]?.err).toMatchObject({ stack: expect.stringMatching(/^at .*log\.test\.ts/m) })
  })
})

describe('the log', () => {
  it('takes ten lines a second of an event, and tells how many it left out', () => {
    const { log, lines, endSecond } = keptLog()
    for (let i = 0; i < 25; i++) {
      log.info({ event: 'refused', i }, 'no')
    }
    log.info({ event: 'other' }, 'of its own')
    expect(lines()).toHaveLength(11)
    endSecond()
    expect(lines().slice(11)).toMatchObject([
      { level: 'info', event: 'lines-left-out', of: 'refused', lines: 15 },
    ])
    log.info({ event: 'refused' }, 'no')
    endSecond()
    expect(lines()).toHaveLength(13)
  })

  it('has every line of its debug level, and none below its level', () => {
    const debug = keptLog()
    const warn = keptLog('warn')
    for (const { log } of [debug, warn]) {
      for (let i = 0; i < 25; i++) {
        log.debug({ event: 'call' }, 'answered')
      }
      log.info({ event: 'ready' }, 'ready')
      log.warn({ event: 'careful' }, 'careful')
    }
    expect(debug.lines()).toHaveLength(27)
    expect(warn.lines()).toMatchObject([{ event: 'careful' }])
  })

  it('has no event that docs/operations.md does not list, and none too few', async () => {
    const sources = new URL('../../../src/', import.meta.url)
    const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    const text = files
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(new URL(name, sources), 'utf8'))
      .join('')
    const used = new Set([...text.matchAll(/\{\s*event: '([^']+)'/g)].map(([, event]) => event))
    const docs = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
    const [, section = ''] = /\n## Logs\n(.*?)\n## /s.exec(docs) ?? []
    const rows = [...section.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell]) => cell ?? '')
    const listed = rows.flatMap((cell) => cell.split(', ').map((event) => event.slice(1, -1)))
    expect(listed.sort()).toEqual([...used].sort())
  })
})

describe('a secret', () => {
  it('matches itself alone', () => {
    const secret = new Secret(PLANTED)
    expect(secret.matches(PLANTED)).toBe(true)
    expect(secret.matches(`${PLANTED} `)).toBe(false)
    expect(secret.matches('')).toBe(false)
  })

  it('is printed nowhere', () => {
    const secret = new Secret(PLANTED)
    for (const text of [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret, { showHidden: true }),
    ]) {
      expect(text).toContain('[secret]')
      expect(text).not.toContain(PLANTED)
    }
  })
})
