import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { createClient, createRequest } from '../support/create.js'
import {
  type ServerProcess,
  sessiond,
  startServer,
  temporaryDirectory,
} from '../support/process.js'

const SET_CLOCK = fileURLToPath(new URL('../support/set-clock.mjs', import.meta.url))
const HOUR_MS = 3_600_000

let directory: string
let dataDir: string
beforeEach(async () => {
  directory = await temporaryDirectory(onTestFinished)
  dataDir = join(directory, 'data')
})

/** A server whose wall clock the test sets. */
async function start() {
  const file = join(directory, 'clock')
  const env = { SET_CLOCK_FILE: file, NODE_OPTIONS: `--import=${SET_CLOCK}` }
  const server = await startServer({ dataDir, env })
  onTestFinished(async () => {
    await server.stop('SIGKILL')
  })
  return {
    server,
    async setClock(offsetMs: number) {
      await writeFile(file, `${offsetMs}`)
      server.child.kill('SIGUSR2')
    },
  }
}

async function cli({ ready }: ServerProcess, ...args: string[]) {
  const { code, stdout, stderr } = await sessiond([...args, '--server', ready.grpc, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const readiness = async ({ ready }: ServerProcess) => {
  const response = await fetch(`${ready.http}/readyz`)
  return [response.status, await response.text()]
}

/** Opens a session of an hour. */
async function create({ ready }: ServerProcess): Promise<string> {
  const client = createClient(ready.grpc)
  try {
    return (await client.create(createRequest())).id
  } finally {
    client.close()
  }
}

it('a server whose clock jumps ends nothing until the clock is back', async () => {
  const { server, setClock } = await start()
  const id = await create(server)
  await setClock(1000 * HOUR_MS)
  expect(await server.event('clock-suspect')).toMatchObject({ level: 'warn' })
  expect(await readiness(server)).toEqual([
    200,
    expect.stringMatching(/^ready\n.*sessiond clock confirm/),
  ])
  expect(await cli(server, 'clock')).toMatchObject({ suspect: true })
  expect(await cli(server, 'sessions', 'show', id)).toMatchObject({ active: true })
  await setClock(0)
  await server.event('clock-trusted')
  expect(await readiness(server)).toEqual([200, 'ready\n'])
  expect(await cli(server, 'clock')).toMatchObject({ suspect: false })
  expect(await cli(server, 'sessions', 'show', id)).toMatchObject({ active: true })
  expect((await server.stop()).stdout).not.toContain('"event":"swept"')
})

it('a server whose clock jumps goes on by it once an operator confirms', async () => {
  const { server, setClock } = await start()
  await create(server)
  await setClock(1000 * HOUR_MS)
  await server.event('clock-suspect')
  const { accepted_offset_ms: acceptedOffsetMs } = await cli(server, 'clock', 'confirm')
  expect(Math.abs(acceptedOffsetMs - 1000 * HOUR_MS)).toBeLessThan(HOUR_MS)
  await server.event('clock-trusted')
  expect(await server.event('swept')).toMatchObject({ ended: 1 })
  const audit = await readFile(join(dataDir, 'audit.jsonl'), 'utf8')
  expect(audit).toContain('"action":"confirm-clock"')
})

it('a server that starts with a clock behind what it wrote down earlier suspects it', async () => {
  const first = await start()
  await create(first.server)
  await first.server.stop()
  await first.setClock(-1000 * HOUR_MS)
  const { server } = await start()
  expect(await cli(server, 'clock')).toMatchObject({ suspect: true })
})
