import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { everyCommand } from '../support/every-command.js'
import { sessiond, startServer, temporaryDirectory } from '../support/process.js'

const { calls } = await everyCommand(afterAll)

/** Every key at any depth, except those in `user` and `data`, which callers chose. */
function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) {
    return []
  }
  if (Array.isArray(value)) {
    return value.flatMap(keysOf)
  }
  return Object.entries(value).flatMap(([key, inner]) => [
    key,
    ...(['user', 'data'].includes(key) && !Array.isArray(inner) ? [] : keysOf(inner)),
  ])
}

const keysOfLines = (text: string) =>
  text
    .trim()
    .split('\n')
    .flatMap((line) => keysOf(JSON.parse(line)))

function expectSnakeCase(keys: readonly string[]): void {
  expect(keys).not.toEqual([])
  expect(keys.filter((key) => !/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(key))).toEqual([])
}

// A watch does not end by itself; other tests read what it prints. A request is proto JSON.
const {
  'sessions watch': _watch,
  'token watch': _endings,
  request: _request,
  completion: _completion,
  export: exported,
  ...withJson
} = calls

it.each(Object.entries(withJson))('%s --json has keys in snake_case', async (_, call) => {
  const { code, stdout } = await sessiond([...(await call()), '--json'])
  expect(code).toBe(0)
  expectSnakeCase(keysOfLines(stdout))
})

it('the lines of an export have keys in snake_case', async () => {
  const { stdout } = await sessiond((await exported?.()) ?? [])
  expect(stdout).toContain('"keptAsIs":1')
  expectSnakeCase(keysOfLines(stdout))
})

it('the log and the audit log have keys in snake_case', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  const [dataDir, key] = [join(directory, 'data'), join(directory, 'owner.key')]
  const server = await startServer({ dataDir, args: ['--log-level', 'debug'] })
  const online = ['--server', server.ready.grpc]
  await sessiond(['keygen', '--out', key])
  const created = await sessiond(['create', '--key', key, '--json', ...online])
  await sessiond(['sessions', 'close', JSON.parse(created.stdout).id, ...online])
  const log = keysOfLines((await server.stop()).stdout)
  expect(log).toEqual(expect.arrayContaining(['data_dir', 'request_id', 'duration_ms']))
  expectSnakeCase(log)
  const audit = keysOfLines(await readFile(join(dataDir, 'audit.jsonl'), 'utf8'))
  expect(audit).toContain('session_id')
  expectSnakeCase(audit)
})
