import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import { JSON_TEXT } from '../../src/client/sessions/json-form.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { createClient, createRequest, newOwner, Refused } from '../support/create.js'
import { auditLevel } from '../support/level-audit.js'
import { isKept, startMixedLoad } from '../support/mixed-load.js'
import { sessiond, startServer, temporaryDirectory } from '../support/process.js'
import { canMount, diskOf, onSmallDisk } from '../support/small-disk.js'

const DISK_BYTES = 64 * 1024 * 1024
const ROUNDS = process.env.SESSIOND_TEST_LONG ? 20 : 2

describe.skipIf(!canMount())('a server whose disk is full', () => {
  it(
    'refuses writes, reads on, and writes again once there is space, without a restart',
    async () => {
      const root = await temporaryDirectory(onTestFinished)
      const [disk, copy] = [join(root, 'disk'), join(root, 'copy')]
      await Promise.all([mkdir(disk), mkdir(copy)])
      const server = await startServer({
        dataDir: join(disk, 'data'),
        args: ['--seneca', 'tcp://127.0.0.1:0', '--max-sessions-per-owner', '0'],
        wrapper: onSmallDisk(disk, DISK_BYTES, copy),
      })
      onTestFinished(() => server.stop().then(() => {}))
      const { grpc, seneca } = server.ready
      const { fill, empty } = diskOf(server.child.pid as number, disk)
      const client = createClient(grpc)
      onTestFinished(() => client.close())
      const connection = connect(grpc, { serverKeys: 'any' })
      onTestFinished(() => connection.close())
      const sessions = new SessionsClient(connection, {}, JSON_TEXT)

      const signer = newOwner()
      const first = await client.create(createRequest({ signer }))
      const known = []
      const created = [first]
      for (let round = 1; round <= ROUNDS; round++) {
        const codes = new Set<string | undefined>()
        const load = await startMixedLoad({
          grpc,
          seneca: seneca[0] as string,
          callers: 4,
          mayFail: (code) => codes.add(code).size > 0 && code === 'STORE_UNAVAILABLE',
        })
        await load.answered(200)
        await fill()
        await server.event('store-failed')

        // Refused as what it is, with an idea of when to ask again.
        const keyed = createRequest({ signer, xHeaders: { 'idempotency-key': `round ${round}` } })
        const refusal = await client.create(keyed).catch((error) => error)
        expect(refusal).toBeInstanceOf(Refused)
        expect(refusal).toMatchObject({ code: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE' })
        expect(refusal.retrySeconds).toBe(1n)
        expect(await sessions.get(first.id)).toMatchObject({ active: true })
        expect((await sessions.list({ active: true, total: true })).total).toBeGreaterThan(0)
        expect((await fetch(`${server.ready.http}/healthz`)).status).toBe(200)

        await empty()
        await server.event('store-recovered')
        await load.answered(200)
        await load.stop()
        expect([...codes]).toEqual(['STORE_UNAVAILABLE'])
        const again = await client.create(keyed)
        expect(await client.create(keyed)).toMatchObject({ id: again.id })
        created.push(again, ...load.creates.flatMap(({ answer }) => answer ?? []))
        known.push(...load.sessions)
      }
      expect(await server.stop()).toMatchObject({ code: 0, signal: null })

      const location = join(copy, 'data', 'store')
      expect(await auditLevel(location)).toEqual([])
      expect(await sessiond(['check', '--data-dir', join(copy, 'data')])).toMatchObject({ code: 0 })
      const store = await LevelStore.open(location, { epochs: { genesisAtMs: 0, lengthMs: 1000 } })
      onTestFinished(() => store.close())
      for (const { id } of created) {
        expect(await store.get(id)).toMatchObject({ active: true })
      }
      for (const each of known) {
        const found = await store.get(each.id)
        const data = found?.active ? found.data : null
        expect(isKept(each, found ? { active: found.active, data } : 'deleted')).toBe(true)
      }
    },
    ROUNDS * 120_000,
  )
})
