import { writeFile } from 'node:fs/promises'
import { hex } from '@scure/base'
import { generateKey, privateKeyToPem, signerOf } from '../../dist/client/index.js'
import { runJob, withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { formatTable, percent } from '../lib/table.js'
import { atMost } from '../lib/verdicts.js'

const WATCHERS = 1000
const ENDINGS_PER_SECOND = 500
const MAX_P99_MS = 250
/** With the default `seconds`, half a minute. */
const TIMES = 10
const WARM_UP_SECONDS = 3

const LOAD = `${import.meta.dirname}/load.js`

/** How soon a thousand watchers hear of endings. */
export async function benchWatch({ seconds }, report) {
  const figures = await withServers(async (directory, start) => {
    const serviceKey = generateKey('ed25519')
    const signers = `${directory}/signers.json`
    await writeFile(signers, JSON.stringify({ [hex.encode(signerOf(serviceKey).publicKey)]: [] }))
    const { pid, ports } = await serve(start, `${directory}/data`, { more: ['--signers', signers] })
    report(`${ENDINGS_PER_SECOND} endings a second for ${seconds * TIMES} s`)
    return runJob(LOAD, {
      ...{ pid, port: ports.grpc, serviceKey: privateKeyToPem(serviceKey) },
      ...{ watchers: WATCHERS, endingsPerSecond: ENDINGS_PER_SECOND },
      ...{ warmUpSeconds: WARM_UP_SECONDS, seconds: seconds * TIMES },
    })
  })
  const { p50Ms, p99Ms, mostMs, messagesPerSecond, serverCpuShare, generatorCpuShare } = figures
  return {
    table: formatTable(
      [`${WATCHERS} watchers`, 'p50 ms', 'p99 ms', 'most ms', 'messages/s', 'server', 'generator'],
      [
        [
          `${ENDINGS_PER_SECOND} endings/s`,
          ...[p50Ms, p99Ms, mostMs].map((ms) => ms.toFixed(0)),
          messagesPerSecond.toFixed(0),
          ...[serverCpuShare, generatorCpuShare].map(percent),
        ],
      ],
    ),
    verdicts: [atMost('p99 of an ending to a watcher', p99Ms, MAX_P99_MS, { unit: ' ms' })],
    figures,
  }
}
