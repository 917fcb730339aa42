import {
  type Connection,
  type CreatedSession,
  createSession,
  generateKey,
} from '../../src/client/index.js'

/** Sessions that are opened without end through the SDK, with its retries. */
export interface SessionLoad {
  /** What was answered so far. */
  readonly created: readonly CreatedSession[]
  /** Resolves once so many more sessions were opened; throws what a call threw. */
  more(count: number): Promise<void>
  /** Lets the calls under way finish. Throws what a call threw. */
  stop(): Promise<void>
}

/** Opens sessions, `width` at a time. */
export function loadSessions(connection: Connection, width: number): SessionLoad {
  const created: CreatedSession[] = []
  const ownerKeys = Array.from({ length: 8 }, () => generateKey('ed25519'))
  let isStopping = false
  let wake = () => {}
  const work = async (worker: number) => {
    const ownerKey = ownerKeys[worker % ownerKeys.length] as (typeof ownerKeys)[number]
    while (!isStopping) {
      created.push(await createSession(connection, { ownerKey, lifetimeMs: 3_600_000 }))
      wake()
    }
  }
  const working = Promise.all(Array.from({ length: width }, (_, i) => work(i)))
  working.catch(() => {}) // Whoever waits is told.
  return {
    created,
    async more(count) {
      const enough = created.length + count
      const reached = (async () => {
        while (created.length < enough) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      })()
      await Promise.race([reached, working])
    },
    async stop() {
      isStopping = true
      await working
    },
  }
}
