import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Tools that `.ci/run` has installed, and those that it must have; a suite that needs one of them must not be skipped. */
const required = new Set([
  ...(process.env.SESSIOND_REQUIRED_TOOLS ?? '').split(',').filter(Boolean),
  ...(process.env.CI === 'true' ? ['valkey'] : []),
])

/** What `make interop-tools` installed in `.interop/`, else the program of that name on PATH. */
export function interopTool(path: string, program: string): string {
  const installed = fileURLToPath(new URL(`../../.interop/${path}`, import.meta.url))
  return existsSync(installed) ? installed : program
}

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url))

/**
 * Whether a tool can be used here. If it cannot, says so on standard error, and notes it for the end of the run
 * (name-skipped.mjs). Throws if the tool was promised.
 */
export function haveTool(name: string, command: readonly [string, ...string[]]): boolean {
  const [program, ...args] = command
  if (spawnSync(program, args, { stdio: 'ignore' }).status === 0) {
    return true
  }
  if (required.has(name)) {
    throw new Error(`${name} is required for these suites, but "${command.join(' ')}" fails`)
  }
  process.stderr.write(`SKIPPED: ${name} is not here; its suites are left out\n`)
  const [suite] = /test\/[\w/.-]+\.test\.ts/.exec(new Error().stack ?? '') ?? []
  mkdirSync(CACHE, { recursive: true })
  appendFileSync(`${CACHE}skipped`, `${suite}\t${name}\n`)
  return false
}
