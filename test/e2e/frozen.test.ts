import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { LevelStore } from '../../src/stores/level/store.js'
import { createClient, createRequest } from '../support/create.js'
import { startServer, temporaryDirectory } from '../support/process.js'

/** How long the process is stopped. */
const FROZEN_MS = process.env.SESSIOND_TEST_LONG ? 30_000 : 2_000
const IN_FLIGHT = 32

it('a process that is stopped under load goes on where it was, and has lost nothing', async () => {
  const dataDir = join(await temporaryDirectory(onTestFinished), 'data')
  const server = await startServer({ dataDir, args: ['--max-epoch-drift', '1s'] })
  onTestFinished(async () => {
    server.child.kill('SIGCONT')
    await server.stop('SIGKILL')
  })
  const client = createClient(server.ready.grpc)
  const created: string[] = []
  let isOver = false
  let onEnough = () => {}
  const enough = () =>
    new Promise<void>((resolve) => {
      const target = created.length + 100
      onEnough = () => created.length >= target && resolve()
    })
  const isWarm = enough()
  // Requests are signed as they are sent: those that meet the stopped process are as old as its stop.
  const work = async () => {
    while (!isOver || created.length < 400) {
      try {
        created.push((await client.create(createRequest())).id)
      } catch (error) {
        // Also of a machine that stood still by itself.
        expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'EPOCH_DRIFT' })
      }
      onEnough()
    }
  }
  const working = Promise.all(Array.from({ length: IN_FLIGHT }, work))
  await isWarm
  server.child.kill('SIGSTOP')
  await sleep(FROZEN_MS)
  const isBack = enough()
  server.child.kill('SIGCONT')
  await isBack
  isOver = true
  await working
  client.close()
  const { stdout, ...end } = await server.stop()
  expect(end).toMatchObject({ code: 0, signal: null })
  expect(stdout).not.toContain('clock-suspect')

  const epochs = { genesisAtMs: 0, lengthMs: 1000 }
  const store = await LevelStore.open(join(dataDir, 'store'), { epochs })
  const lost: string[] = []
  for (const id of created) {
    if (!(await store.get(id))?.active) {
      lost.push(id)
    }
  }
  expect(lost).toEqual([])
  expect(await store.countOpen()).toBe(created.length)
  await store.close()
})
