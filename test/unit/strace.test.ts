import { describe, expect, it } from 'vitest'
import { answersAheadOfDisk } from '../support/strace.js'

const escaped = (text: string) =>
  [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')

const LOG = '17</data/store/000003.log>'
const OTHER_LOG = '18</data/store/000004.log>'
const SOCKET = '22<TCP:[127.0.0.1:8090->127.0.0.1:50000]>'

const write = (fd: string, text: string) => `write(${fd}, "${escaped(text)}", 9) = 9`
const log = (text = 'stored') => `2 ${write(LOG, text)}`
const answer = (text = 'answered') => `1 ${write(SOCKET, text)}`
const sync = (fd = LOG) => `2 fdatasync(${fd}) = 0`

const session = {
  name: 'it',
  stored: Buffer.from('stored'),
  answered: Buffer.from('answered'),
}
const faults = (...lines: string[]) => answersAheadOfDisk(lines.join('\n'), [session])

describe('the reader of traces', () => {
  it.each([
    ['the plain order', [log(), sync(), answer()]],
    ['fsync for fdatasync', [log(), `2 fsync(${LOG}) = 0`, answer()]],
    [
      'paths in hex',
      [log(), sync(), answer()].map((line) =>
        line.replace('/data/store/000003.log', escaped('/data/store/000003.log')),
      ),
    ],
    [
      'a sync that another thread interrupts',
      [
        log(),
        `2 fdatasync(${LOG} <unfinished ...>`,
        '3 write(9<pipe:[7]>, "\\x2a", 1) = 1',
        '2 <... fdatasync resumed>) = 0',
        answer(),
      ],
    ],
    [
      'an answer in parts',
      [
        log(),
        sync(),
        `1 writev(${SOCKET}, [{iov_base="${escaped('xxans')}", iov_len=5}, {iov_base="${escaped('weredxx')}", iov_len=7}], 2) = 12`,
      ],
    ],
    [
      'an answer by sendmsg over IPv6',
      [
        log(),
        sync(),
        `1 sendmsg(22<TCPv6:[[::1]:8090->[::1]:50000]>, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="${escaped('answered')}", iov_len=8}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 8`,
      ],
    ],
    ['another session logged in between', [log(), sync(), log('another'), answer()]],
  ])('is content with %s', (_, lines) => {
    expect(faults(...lines)).toEqual([])
  })

  it.each([
    ['no sync', [log(), answer()], 'no sync between'],
    ['a sync before the write', [sync(), log(), answer()], 'no sync between'],
    ['a sync after the answer', [log(), answer(), sync()], 'no sync between'],
    ['a sync of another log', [log(), sync(OTHER_LOG), answer()], 'no sync between'],
    [
      'a sync that failed',
      [log(), `2 fdatasync(${LOG}) = -1 EIO (Input/output error)`, answer()],
      'no sync between',
    ],
    [
      'a sync that is still under way',
      [log(), `2 fdatasync(${LOG} <unfinished ...>`, answer(), '2 <... fdatasync resumed>) = 0'],
      'no sync between',
    ],
    [
      'a sync that never ends',
      [log(), `2 fdatasync(${LOG} <unfinished ...>`, answer()],
      'no sync between',
    ],
    [
      'a sync begun before the write ended',
      [
        `3 write(${LOG}, "${escaped('stored')}", 6 <unfinished ...>`,
        sync(),
        '3 <... write resumed>) = 6',
        answer(),
      ],
      'no sync between',
    ],
    ['a second part that is not synced', [log(), sync(), log(), answer()], 'no sync between'],
    [
      'an answer begun before the sync ended',
      [
        log(),
        `1 write(${SOCKET}, "${escaped('answered')}", 8 <unfinished ...>`,
        sync(),
        '1 <... write resumed>) = 8',
      ],
      'no sync between',
    ],
    ['a session in no log', [sync(), answer()], 'not in a log by then'],
    ['a session logged after the answer', [answer(), log(), sync()], 'not in a log by then'],
    ['a session that was never answered', [log(), sync()], 'no answer is seen'],
  ])('complains of %s', (_, lines, fault) => {
    expect(faults(...lines)).toEqual([expect.stringContaining(fault)])
  })

  it('judges each session on its own', () => {
    const other = { ...session, name: 'other', stored: Buffer.from('else') }
    const trace = [log(), sync(), log('else'), answer()].join('\n')
    expect(answersAheadOfDisk(trace, [session, other])).toEqual([expect.stringMatching(/^other: /)])
  })

  it('does not judge by a trace that is cut short', () => {
    expect(() => faults(`2 write(${LOG}, "${escaped('sto')}"..., 6) = 6`)).toThrow('raise -s')
  })
})
