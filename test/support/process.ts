import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Without the variables of the tests themselves: a server would warn of them. */
export const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^SESSIOND_(?:TEST|FUZZ|REQUIRED)_/.test(name)),
)

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Less than a test may take, so that none leaves a process behind. */
const TIMEOUT_MS = 290_000

/** Runs a program to its end. */
export function run(
  command: string,
  args: readonly string[],
  options: { input?: string; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const { cwd, env = ENVIRONMENT } = options
    const child = spawn(command, args, { cwd, env, timeout: TIMEOUT_MS })
    const output = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output.stderr += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...output }))
    // A program may end without having read all of it.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** Runs `sessiond …` to its end. */
export function sessiond(args: readonly string[], options: Parameters<typeof run>[2] = {}) {
  return run(process.execPath, [CLI, ...args], options)
}

/** A directory that is removed at the end, for `using` with vitest's `onTestFinished` or `afterAll`. */
export async function temporaryDirectory(
  atEnd: (remove: () => Promise<void>) => void,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sessiond-'))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** The lines of a log, from the output of a process that has ended. */
export const linesOf = (stdout: string): { event: string }[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/**
 * A process that logs lines of JSON to standard output. A line arrives some time after what it tells of, also after the
 * answer to a call: so each is waited for, and what is in none is known once the process has ended.
 */
export interface LoggingProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** The next line with this event and these fields, after the last that was waited for. */
  event(name: string, fields?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>
  /** Its end, and everything that it wrote. */
  readonly exited: Promise<Finished>
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Finished>
}

/** A server that accepts calls. */
export interface ServerProcess extends LoggingProcess {
  /** What its ready line says. */
  readonly ready: {
    readonly grpc: string
    readonly http: string
    readonly seneca: readonly string[]
  }
}

export interface ServerProcessOptions {
  readonly dataDir: string
  readonly args?: readonly string[]
  /** Runs the server under another program, such as strace. */
  readonly wrapper?: readonly string[]
  /** Another entry than the built CLI; it gets the same arguments. */
  readonly entry?: string
  /** Beside the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `sessiond serve` on a free port and waits until it accepts calls. */
export function startServer(options: ServerProcessOptions): Promise<ServerProcess> {
  return untilReady(spawnServer(options))
}

/** Waits until a server accepts calls. */
export async function untilReady(server: LoggingProcess): Promise<ServerProcess> {
  return { ...server, ready: (await server.event('ready')) as unknown as ServerProcess['ready'] }
}

/** Starts `sessiond serve` on a free port. */
export function spawnServer(options: ServerProcessOptions): LoggingProcess {
  const { dataDir, args = [], wrapper = [], entry = CLI, env } = options
  const serve = [
    ...['serve', '--data-dir', dataDir, '--grpc', '127.0.0.1:0'],
    ...(args.includes('--seneca') ? [] : ['--seneca', 'off']),
    ...(args.includes('--http') ? [] : ['--http', '127.0.0.1:0']),
    ...args,
  ]
  return spawnLogging([...wrapper, process.execPath, entry, ...serve], env)
}

/** Starts a program that logs. */
export function spawnLogging(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): LoggingProcess {
  const child = spawn(program, args, {
    env: { ...ENVIRONMENT, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text
  })
  const lines: string[] = []
  const waiting: (() => void)[] = []
  const wake = () => {
    for (const resume of waiting.splice(0)) {
      resume()
    }
  }
  createInterface(child.stdout).on('line', (line) => {
    output.stdout += `${line}\n`
    lines.push(line)
    wake()
  })
  let isEnded = false
  const exited = new Promise<Finished>((resolve) =>
    child.on('close', (code, signal) => {
      isEnded = true
      wake()
      resolve({ code, signal, ...output })
    }),
  )
  let next = 0
  const event: LoggingProcess['event'] = async (name, fields = {}) => {
    for (;;) {
      while (next < lines.length) {
        const line = lines[next++] as string
        if (line.includes(`"event":"${name}"`)) {
          const found = JSON.parse(line)
          if (Object.entries(fields).every(([field, value]) => found[field] === value)) {
            return found
          }
        }
      }
      if (isEnded) {
        throw new Error(`it ended without "${name}": ${output.stderr}`)
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return {
    child,
    event,
    exited,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal)
      return exited
    },
  }
}
