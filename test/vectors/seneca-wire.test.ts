import { describe, expect, it } from 'vitest'
import { MalformedError } from '../../src/core/errors.js'
import { answerLine, readActMessage } from '../../src/seneca/wire.js'

/*
 * Lines as real clients of these versions sent them, and the answer that a server of 3.38.0 gave:
 * captured on loopback.
 */
const ACCEPT = 'qnat02syodok/1795307583817/31425/3.38.0/-'
const TIMES = { receivedAtMs: 1795307814010, sentAtMs: 1795307814011 }

const CLIENT_0_6_2 =
  '{"id":"q5scsig4xvjq/dhembwbndzc9","kind":"act","origin":"r4y97j4gqxxb/1795307815895/923/-","track":["r4y97j4gqxxb/1795307815895/923/-"],"time":{"client_sent":1795307816590},"act":{"role":"sessions","version":1,"cmd":"obj"}}'
const CLIENT_1_4_0 =
  '{"id":"7qlks1clagdi/cuivxpe4cqkr","kind":"act","origin":"c6uxtb5bv16q/1795307813264/831/-","track":["c6uxtb5bv16q/1795307813264/831/-"],"time":{"client_sent":1795307814007},"act":{"role":"sessions","version":1,"cmd":"obj"},"sync":true}'
const CLIENT_3_38_0 =
  '{"id":"t9enc5x4a6cs/3wfpa41b2n4o","kind":"act","origin":"8ftsds362rr8/1795307810776/733/3.38.0/-","track":["8ftsds362rr8/1795307810776/733/3.38.0/-"],"time":{"client_sent":1795307811444},"act":{"role":"sessions","version":1,"cmd":"obj","custom$":{}},"sync":true,"msg$":{"vin":1,"sid":"8ftsds362rr8/1795307810776/733/3.38.0/-","out":true,"mid":"t9enc5x4a6cs","cid":"3wfpa41b2n4o","snc":true,"pat":""}}'
/** To the client of 1.4.0. */
const SERVER_3_38_0 =
  '{"id":"7qlks1clagdi/cuivxpe4cqkr","kind":"res","origin":"c6uxtb5bv16q/1795307813264/831/-","accept":"qnat02syodok/1795307583817/31425/3.38.0/-","track":["c6uxtb5bv16q/1795307813264/831/-"],"time":{"client_sent":1795307814007,"listen_recv":1795307814010,"listen_sent":1795307814011},"sync":true,"res":{"id":"x","data":{"a":1}}}'

const answer = (line: string, json: string, status = 200) =>
  answerLine(readActMessage(Buffer.from(line)), { status, json }, ACCEPT, TIMES)

describe('the TCP wire', () => {
  it('has the very answer that was captured', () => {
    expect(answer(CLIENT_1_4_0, '{"id":"x","data":{"a":1}}')).toBe(`${SERVER_3_38_0}\n`)
  })

  it.each([
    ['0.6.2', CLIENT_0_6_2],
    ['1.4.0, 2.1.0 and 3.3.0', CLIENT_1_4_0],
    ['3.38.0', CLIENT_3_38_0],
  ])('echoes what a client of %s must see again, and no more', (_, line) => {
    const sent = JSON.parse(line)
    const answered = JSON.parse(answer(line, 'null'))
    const { id, origin, track, sync, time } = sent
    expect(answered).toStrictEqual({
      id,
      kind: 'res',
      origin,
      accept: ACCEPT,
      track,
      time: { ...time, listen_recv: TIMES.receivedAtMs, listen_sent: TIMES.sentAtMs },
      // 0.6 sends none, and gets none.
      ...('sync' in sent && { sync }),
      res: null,
    })
  })

  it.each([
    ['0.6.2', CLIENT_0_6_2],
    ['3.38.0', CLIENT_3_38_0],
  ])('reads the act of a client of %s', (_, line) => {
    const { act } = readActMessage(Buffer.from(line))
    expect(act).toMatchObject({ role: 'sessions', version: 1, cmd: 'obj' })
  })

  it('carries an error in the place of a result', () => {
    const answered = JSON.parse(answer(CLIENT_3_38_0, '{"code":"NOT_FOUND"}', 404))
    expect(answered).toMatchObject({ kind: 'res', error: { code: 'NOT_FOUND' } })
    expect(answered).not.toHaveProperty('res')
  })

  it.each(['"origin"', '"track"', '"time"', '"sync"', '"client_sent"'])(
    'leaves out %s where it is not what it should be',
    (key) => {
      const line = CLIENT_1_4_0.replace(`${key}:`, `${key}:{"no":[]},"x":`)
      const answered = JSON.parse(answer(line, 'null'))
      expect(JSON.stringify(answered)).not.toContain('"no"')
      expect(answered).toMatchObject({ id: '7qlks1clagdi/cuivxpe4cqkr', res: null })
    },
  )

  it('knows an answer from an act', () => {
    expect(() => readActMessage(Buffer.from(SERVER_3_38_0))).toThrow(MalformedError)
  })
})
