import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import type { Session } from '../../src/core/session.js'
import { LevelStore } from '../../src/stores/level/store.js'
import { DEFAULT_SHARDS } from '../../src/stores/valkey/layout/shards.js'
import type { ValkeyStore } from '../../src/stores/valkey/store.js'
import { run, temporaryDirectory } from '../support/process.js'
import { EPOCHS } from '../support/store-sessions.js'
import { haveValkey, startValkey } from '../support/valkey-cluster.js'
import { openValkeyStore } from '../support/valkey-store.js'

const BUILD = fileURLToPath(new URL('../../bench/store/build.js', import.meta.url))
const FILL = new URL('../../bench/valkey/fill.js', import.meta.url)
const COUNT = 2000
const DAY_MS = 86_400_000

/** Every row that a server would have written is there, and no other. */
async function expectFilled(store: LevelStore | ValkeyStore): Promise<void> {
  const dueAtMs = ({ active, closeTimeMs, requestTimeMs, token }: Session) =>
    active ? requestTimeMs + (token === null ? 1 : 30) * DAY_MS : (closeTimeMs ?? 0) + 7 * DAY_MS
  const events = store.check({
    dueAtMs,
    trySeal: () => ({ opens: true }),
    endingDeadline: () => null,
  })
  const problems = []
  for await (const event of events) {
    problems.push(...('problem' in event ? [event.problem] : []))
  }
  expect(problems).toEqual([])
  expect(await store.countOpen()).toBe(0.9 * COUNT)
  const listed = await store.list({ skip: COUNT - 1, take: 2, total: true })
  expect(listed).toMatchObject({ total: COUNT, sessions: [{ active: true }] })
}

it('fills the stores of the benches with every row that a server would have written', async () => {
  const location = `${await temporaryDirectory(onTestFinished)}/store`
  const built = await run(process.execPath, [BUILD, JSON.stringify({ location, count: COUNT })])
  expect(built).toMatchObject({ code: 0, stderr: '' })
  const store = await LevelStore.open(location, { epochs: EPOCHS })
  onTestFinished(() => store.close())
  await expectFilled(store)
})

it.skipIf(!haveValkey())('and those in an engine', async () => {
  const engine = await startValkey(onTestFinished)
  const store = await openValkeyStore(engine.address, { shards: DEFAULT_SHARDS })
  onTestFinished(() => store.close())
  const script = `import { fill } from '${FILL}'; await fill(${engine.port}, ${COUNT})`
  const built = await run(process.execPath, ['--input-type=module', '-e', script])
  expect(built).toMatchObject({ code: 0, stderr: '' })
  await expectFilled(store)
})
