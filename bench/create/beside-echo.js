import { echoPath, startEcho } from '../lib/echo.js'
import { runJob } from '../lib/processes.js'
import { serve } from '../lib/serve.js'

const WARM_UP_SECONDS = 1

/**
 * Starts a server, and a bare echo of the same message sizes. The functions returned load Create, or the echo, with
 * requests of one of these shapes; both are warm.
 */
export async function createBesideEcho(start, dataDir, shapes) {
  const server = await serve(start, dataDir)
  const create = (shape, job) => loadCreate(server, shape, job)
  const replyBytes = {}
  for (const shape of shapes) {
    replyBytes[shape] = (await create(shape, { seconds: WARM_UP_SECONDS })).replyBytes
  }
  const echoServer = await startEcho(start, Object.values(replyBytes))
  const echo = (shape, job) =>
    load(echoServer, {
      ...{ path: echoPath(replyBytes[shape]), shape, repeat: true },
      ...job,
    })
  for (const shape of shapes) {
    await echo(shape, { seconds: WARM_UP_SECONDS })
  }
  return { create, echo }
}

export function loadCreate(server, shape, job) {
  return load(server, { path: '/session.Session/Create', shape, repeat: false, ...job })
}

function load({ pid, ports }, job) {
  return runJob(`${import.meta.dirname}/load.js`, { pid, port: ports.grpc, ...job })
}
