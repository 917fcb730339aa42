import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
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

/**
 * Whether a tool can be used here. Says on standard error what is left out where it cannot, and
 * throws where it was promised.
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
  return false
}
