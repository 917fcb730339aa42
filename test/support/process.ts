import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Less than a test may take, so that none leaves a process behind. */
const TIMEOUT_MS = 110_000

/** Runs a program to its end. */
export function run(
  command: string,
  args: readonly string[],
  options: { input?: string; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const { cwd, env = process.env } = options
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

/** A server in a process of its own, which may not yet be ready. */
export interface SpawnedServer {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** Every line that it has logged so far. */
  readonly lines: string[]
  /** What it has written to standard error so far. */
  errors(): string
  /** The next line with this event, after the last that was waited for. */
  event(name: string): Promise<Record<string, unknown>>
  /** Its end; resolves once. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** A server that accepts calls. */
export interface ServerProcess extends SpawnedServer {
  /** What its ready line says. */
  readonly ready: {
    readonly grpc: string
    readonly http: string
    readonly seneca: readonly string[]
    readonly dataDir: string
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
export async function startServer(options: ServerProcessOptions): Promise<ServerProcess> {
  const server = spawnServer(options)
  return { ...server, ready: (await server.event('ready')) as unknown as ServerProcess['ready'] }
}

/** The same without the wait. */
export function spawnServer(options: ServerProcessOptions): SpawnedServer {
  const [program = process.execPath, ...args] = [
    ...(options.wrapper ?? []),
    process.execPath,
    options.entry ?? CLI,
    'serve',
    '--data-dir',
    options.dataDir,
    '--grpc',
    '127.0.0.1:0',
    ...(options.args?.includes('--seneca') ? [] : ['--seneca', 'off']),
    ...(options.args?.includes('--http') ? [] : ['--http', '127.0.0.1:0']),
    ...(options.args ?? []),
  ]
  const env = { ...process.env, ...options.env }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  )
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const lines: string[] = []
  const waiting: (() => void)[] = []
  const wake = () => {
    for (const resume of waiting.splice(0)) {
      resume()
    }
  }
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    wake()
  })
  let ended = false
  exited.then(() => {
    ended = true
    wake()
  })
  let next = 0
  const event = async (name: string): Promise<Record<string, unknown>> => {
    for (;;) {
      while (next < lines.length) {
        const line = lines[next++] as string
        if (line.includes(`"event":"${name}"`)) {
          return JSON.parse(line)
        }
      }
      if (ended) {
        throw new Error(`the server ended without "${name}": ${stderr}`)
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return {
    child,
    lines,
    errors: () => stderr,
    event,
    exited,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal)
      return exited
    },
  }
}
