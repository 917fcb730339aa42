import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connect, SessionsClient } from '../../src/client/index.js'
import { importFiles } from '../support/import-files.js'
import { sessiond, startServer, temporaryDirectory } from '../support/process.js'

const MINUTE_MS = 60_000

it('brings in what each of the earlier services left, once', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  const dataDir = join(directory, 'data')
  const openedMs = Date.now() - MINUTE_MS
  const texts = Object.values(importFiles(openedMs))
  const isArray = (text: string) => text.startsWith('[')
  const files = {
    'sessions.json': JSON.stringify(texts.filter(isArray).flatMap((text) => JSON.parse(text))),
    'sessions.jsonl': texts.filter((text) => !isArray(text)).join(''),
  }
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, name)
    await writeFile(file, text)
    const args = ['import', file, '--data-dir', dataDir]
    const imported = 2 * texts.filter((one) => isArray(one) === isArray(text)).length
    const first = await sessiond([...args, '--json'])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(first.stdout)).toEqual({ imported, ended: 0, existing: 0, left_out: 0 })
    const again = await sessiond(args)
    expect(again.stdout).toBe(
      `imported 0 (0 as ended), ${imported} were there already, left out 0\n`,
    )
  }

  expect(await sessiond(['check', '--data-dir', dataDir])).toMatchObject({ code: 0, stderr: '' })
  const server = await startServer({ dataDir })
  onTestFinished(() => server.stop().then(() => {}))
  const connection = connect(server.ready.grpc, { serverKeys: 'any' })
  onTestFinished(() => connection.close())
  const { sessions } = await new SessionsClient(connection).list({ userId: 'alice', active: true })
  expect(sessions).toHaveLength(2 * texts.length)
  const since = new Date(openedMs).toISOString()
  for (const { id, ...session } of sessions) {
    expect(session).toEqual({
      ...{ userId: 'alice', userName: 'Alice', active: true, closeTimeMs: null },
      ...{ openTimeMs: openedMs, requestTimeMs: openedMs, address: 'here', client: 'app' },
      user: { id: 'alice', since },
      data: { name: id, cart: [1, 2] },
      ...{ kind: 'command', expiresAtMs: openedMs + 24 * 60 * MINUTE_MS, ending: null },
    })
  }
})

it('reads a pipe, and says which lines of it it left out', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  const { mongoexport = '' } = importFiles(Date.now() - MINUTE_MS)
  const [first = '', second = ''] = mongoexport.split('\n')
  const input = [first.slice(0, -20), second, '{"_id":"no"}', first].join('\n')
  const args = ['import', '--from', '-', '--data-dir', join(directory, 'data')]
  const imported = await sessiond(args, { input })
  expect(imported).toMatchObject({
    code: 1,
    stdout: 'imported 2 (0 as ended), 0 were there already, left out 2\n',
  })
  expect(imported.stderr).toBe(
    'sessiond: /dev/stdin, line 1: left out element 1: element: is not JSON in UTF-8\n' +
      'sessiond: /dev/stdin, line 3: left out element 3: open_time (or opened) is required\n',
  )
})

it.each([[[]], [['a', '--from', 'b']]])('import wants exactly one file, not %j', async (args) => {
  const refused = await sessiond(['import', ...args])
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toContain('give one FILE, as an argument or with --from')
})
