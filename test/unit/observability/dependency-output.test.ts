import { experimental, logVerbosity, setLogger, setLogVerbosity } from '@grpc/grpc-js'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { logDependencyOutput, silenceGrpc } from '../../../src/observability/dependency-output.js'
import type { Logger } from '../../../src/observability/log.js'

const SECRET = 'what a caller sent'
const { DEBUG, INFO, ERROR } = logVerbosity

/** What all of this replaces belongs to the whole process. */
beforeEach(() => {
  const { console } = globalThis
  const listeners = process.listeners('warning')
  onTestFinished(() => {
    globalThis.console = console
    process.removeAllListeners('warning')
    for (const listener of listeners) {
      process.on('warning', listener)
    }
    setLogVerbosity(ERROR)
    setLogger(console)
  })
})

/** Whatever is printed, by standard output or error. */
function printed() {
  return [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')].map((write) => {
    onTestFinished(() => write.mockRestore())
    return write.mockReturnValue(true)
  })
}

function grpcPrints() {
  setLogVerbosity(DEBUG)
  for (const severity of [DEBUG, INFO, ERROR]) {
    experimental.log(severity, SECRET)
  }
}

it('a command prints nothing of grpc-js', () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => error.mockRestore())
  setLogger({ error: (text) => console.error(text) })
  grpcPrints()
  expect(error).toHaveBeenCalledTimes(3)
  silenceGrpc()
  grpcPrints()
  expect(error).toHaveBeenCalledTimes(3)
})

describe('a server', () => {
  function logged() {
    const lines: unknown[] = []
    const write =
      (level: string): Logger['info'] =>
      (fields) =>
        void lines.push({ level, ...fields })
    const log: Logger = {
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
      isLevelEnabled: () => true,
    }
    logDependencyOutput(log)
    return lines
  }
  const line = (by: string) => ({ level: 'info', event: 'dependency-output', by })

  it('logs that grpc-js printed, and not what', () => {
    const lines = logged()
    grpcPrints()
    expect(lines).toEqual(Array(3).fill(line('grpc-js')))
  })

  it.each(['log', 'error', 'info', 'warn', 'debug'] as const)(
    'logs that somebody called console.%s, and not with what',
    (method) => {
      const lines = logged()
      const writes = printed()
      console[method](SECRET)
      console[method](SECRET)
      expect(lines).toEqual(Array(2).fill(line('console')))
      expect(writes.flatMap(({ mock }) => mock.calls)).toEqual([])
    },
  )

  it('logs warnings of Node, which Node then does not print', () => {
    const lines = logged()
    const warning = Object.assign(new Error(SECRET), { name: 'SomeWarning' })
    process.emit('warning', warning)
    expect(lines).toEqual([{ level: 'warn', event: 'warning', err: warning }])
    expect(process.listenerCount('warning')).toBe(1)
  })
})
