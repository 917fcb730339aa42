import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadCreate } from '../create/beside-echo.js'
import { NEW_OWNERS } from '../create/requests.js'
import { bytesOnDisk } from '../lib/disk.js'
import { loadTable } from '../lib/loads.js'
import { anonymousBytes } from '../lib/memory.js'
import { runJob, withServers } from '../lib/processes.js'
import { serve } from '../lib/serve.js'
import { inTurn, ofReference } from '../lib/turns.js'
import { atLeast, atMost } from '../lib/verdicts.js'

/** The share of an empty store's Creates a second that a full one must reach, and should. */
const TARGET = 0.8
const AIM = 0.9
const MAX_ANONYMOUS_MB = 400
const AIM_MB = 300
const MAX_BYTES_EACH = 600
const MB = 1e6

const FILL = fileURLToPath(new URL('fill.js', import.meta.url))

/** Create on an empty store and after `count` Creates, and the memory that the server then has. */
export async function benchCreates({ seconds, rounds, count }, report) {
  const figures = await withServers(async (dataDir, start) => {
    const server = await serve(start, dataDir)
    const measure = (name) =>
      inTurn({ [name]: () => loadCreate(server, NEW_OWNERS, { seconds }) }, rounds, report)
    await loadCreate(server, NEW_OWNERS, { seconds: 1 })
    const {
      medians: { empty },
    } = await measure('empty')
    const bytesBefore = await bytesOnDisk(join(dataDir, 'store'))
    const filled = await runJob(FILL, { port: server.ports.grpc, pid: server.pid, count })
    const bytesEach = ((await bytesOnDisk(join(dataDir, 'store'))) - bytesBefore) / count
    const {
      medians: { full },
    } = await measure('full')
    return { count, empty, full, filled, bytesEach, anonymousBytes: anonymousBytes(server.pid) }
  })
  const { empty, full, filled, bytesEach } = figures
  const ratio = ofReference(full, empty)
  const mb = figures.anonymousBytes === null ? null : figures.anonymousBytes / MB
  return {
    table: [
      loadTable([
        { name: `Create, ${count} sessions stored`, load: full, ofReference: ratio },
        { name: '  at first', load: empty },
      ]),
      '',
      `${count} Creates took ${filled.seconds.toFixed(0)} s; anonymous memory afterwards: ${mb?.toFixed(0) ?? 'Linux only'} MB`,
      `on disk: ${bytesEach.toFixed(0)} bytes a session`,
    ].join('\n'),
    verdicts: [
      atLeast(`Create after ${count} Creates: of an empty store`, ratio, TARGET, { aim: AIM }),
      atMost('a token session on disk', bytesEach, MAX_BYTES_EACH, { unit: ' bytes' }),
      ...(mb === null
        ? []
        : [
            atMost(`anonymous memory after ${count} Creates`, mb, MAX_ANONYMOUS_MB, {
              aim: AIM_MB,
              unit: ' MB',
            }),
          ]),
    ],
    figures,
  }
}
