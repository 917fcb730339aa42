/*
 * Reads what strace wrote of a server, and finds the answers that ran ahead of the disk.
 */

/** Runs a program under strace; its own child stays the child (-D), so that signals reach it. */
export const traceTo = (file: string): string[] => [
  ...['strace', '-D', '-f', '-yy', '-xx', '-s', '1048576', '-e', 'signal=none'],
  ...['-e', 'trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fdatasync,fsync', '-o', file],
]

/** How the id of one session stands in the log and in the answer. */
export interface TracedSession {
  readonly name: string
  readonly stored: Uint8Array
  readonly answered: Uint8Array
}

interface Call {
  readonly name: string
  /** The descriptor with what it is open on, such as `17</data/store/000003.log>`. */
  readonly file: string
  /** All bytes that were handed over, in hex. */
  readonly data: string
  /** Number of the line where the call began, and where it ended; endless where it did not. */
  readonly start: number
  readonly end: number
}

/**
 * One sentence for each session whose answer was not preceded by a completed sync of the log, begun
 * after everything that was logged of the session: none where all is well. A session that the trace
 * does not show logged and answered is at fault too, lest a blind reader find nothing wrong.
 */
export function answersAheadOfDisk(trace: string, sessions: readonly TracedSession[]): string[] {
  const calls = readCalls(trace)
  const logged = calls.filter(({ name, file }) => isWrite(name) && /\/\d+\.log>$/.test(file))
  const sent = calls.filter(({ name, file }) => isWrite(name) && /^\d+<TCP/.test(file))
  const syncs = calls.filter(({ name }) => name === 'fdatasync' || name === 'fsync')

  return sessions.flatMap(({ name, stored, answered }) => {
    const storedHex = Buffer.from(stored).toString('hex')
    const answeredHex = Buffer.from(answered).toString('hex')
    const answer = sent.find(({ data }) => data.includes(answeredHex))
    if (answer === undefined) {
      return [`${name}: no answer is seen`]
    }
    const writes = logged.filter(
      ({ data, start }) => start < answer.start && data.includes(storedHex),
    )
    if (writes.length === 0) {
      return [`${name}: answered in line ${answer.start}, not in a log by then`]
    }
    const unsynced = writes.find(
      (write) =>
        !syncs.some(
          (sync) => sync.file === write.file && sync.start > write.end && sync.end < answer.start,
        ),
    )
    return unsynced === undefined
      ? []
      : [`${name}: logged in line ${unsynced.start}, answered in ${answer.start}, no sync between`]
  })
}

function isWrite(name: string): boolean {
  return name.startsWith('pwrite') || name.startsWith('write') || name.startsWith('send')
}

/** The calls that did not fail, with those that other threads interrupted put together again. */
function readCalls(trace: string): Call[] {
  const calls: Call[] = []
  const unfinished = new Map<string, { name: string; args: string; start: number }>()
  for (const [i, line] of trace.split('\n').entries()) {
    const [, thread = '', event = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const [, resumed] = /^<\.\.\. \w+ resumed>(.*)$/.exec(event) ?? []
    const [, name, args] = /^(\w+)\((.*)$/.exec(event) ?? []
    if (resumed !== undefined) {
      const begun = unfinished.get(thread)
      unfinished.delete(thread)
      if (begun !== undefined) {
        calls.push(...readCall({ ...begun, args: begun.args + resumed, end: i + 1 }))
      }
    } else if (name !== undefined && args !== undefined) {
      if (args.endsWith('<unfinished ...>')) {
        unfinished.set(thread, {
          name,
          args: args.replace(/<unfinished \.\.\.>$/, ''),
          start: i + 1,
        })
      } else {
        calls.push(...readCall({ name, args, start: i + 1, end: i + 1 }))
      }
    }
  }
  for (const begun of unfinished.values()) {
    calls.push(...readCall({ ...begun, end: Number.POSITIVE_INFINITY }))
  }
  return calls.sort((a, b) => a.start - b.start)
}

/** Nothing for a call that failed. */
function readCall(call: { name: string; args: string; start: number; end: number }): Call[] {
  const { name, args, start, end } = call
  if (/"\.\.\./.test(args)) {
    throw new Error(`line ${start} of the trace is cut short: raise -s`)
  }
  if (/\) += -1 /.test(args)) {
    return []
  }
  const [file = ''] = /^\d+<.*?>(?=[,) ]|$)/.exec(args) ?? []
  const data = [...args.slice(file.length).matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)]
    .map(([, escaped = '']) => escaped.replaceAll('\\x', ''))
    .join('')
  return [{ name, file: unescaped(file), data, start, end }]
}

/** Some releases of strace write paths in hex too. */
function unescaped(file: string): string {
  return file.replace(/\\x([0-9a-f]{2})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
