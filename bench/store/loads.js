import { COMMANDS, loadSeneca } from '../commands/load-command.js'
import { loadCreate } from '../create/beside-echo.js'
import { FRESH_KEYS } from '../create/requests.js'
import { serve } from '../lib/serve.js'
import { settled } from '../lib/settled.js'
import { inTurn } from '../lib/turns.js'

const WARM_UP_SECONDS = 1
/** There are many loads. */
const SHARE_OF_SECONDS = 1 / 3

/** `what`, and how many sessions are stored. */
export const loadName = (what, count) => `${what}, ${count} stored`

/**
 * Create on each store and on an empty one, and the commands on the smallest and the largest. The warm-up lets each server
 * walk over its idempotency keys, once, before anything is measured.
 */
export async function measureLoads({ seconds, rounds }, report, directory, start, stores) {
  const empty = { count: 0, server: await serve(start, `${directory}/empty`) }
  const job = { seconds: seconds * SHARE_OF_SECONDS }
  const creates = [empty, ...stores].map(({ count, server }) => [
    ...[loadName('Create', count), () => loadCreate(server, FRESH_KEYS, job)],
  ])
  const commands = COMMANDS.flatMap((command) =>
    [stores[0], stores.at(-1)].map(({ count, server }) => [
      ...[loadName(command, count), () => loadSeneca(server, { command, ...job })],
    ]),
  )
  for (const { server } of [empty, ...stores]) {
    await loadCreate(server, FRESH_KEYS, { seconds: WARM_UP_SECONDS })
    await loadSeneca(server, { command: 'open_session', seconds: WARM_UP_SECONDS })
  }
  report('until the servers are at rest')
  await Promise.all([empty, ...stores].map(({ server }) => settled(server.pid)))
  return inTurn(Object.fromEntries([...creates, ...commands]), rounds, report)
}
