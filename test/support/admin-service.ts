import { onTestFinished } from 'vitest'
import { AdminClient, connect } from '../../src/client/index.js'
import type { Audit, AuditEntry } from '../../src/core/operators/audit.js'
import { sodiumEd25519 } from '../../src/crypto/sodium.js'
import { type AdminPorts, adminService } from '../../src/grpc/services/admin/admin.js'
import { startTestGrpc } from './grpc.js'
import { NO_FAILURES } from './observer.js'

/** The current and the next identity of a server that nobody told otherwise. */
export const IDENTITIES = [
  sodiumEd25519.signer(new Uint8Array(32).fill(1)),
  sodiumEd25519.signer(new Uint8Array(32).fill(2)),
] as const

/** A client of the service over these ports, and what was audited. */
export async function serveAdmin(ports: Partial<AdminPorts> = {}, audit?: Audit) {
  const entries: AuditEntry[] = []
  let onEntry = () => {}
  const kept: Audit = {
    check: async () => {},
    record: async (entry) => {
      entries.push(entry)
      onEntry()
    },
  }
  const service = adminService(
    {
      version: '1.2.3',
      startTimeMs: 5,
      store: { countOpen: async () => 7, isWritable: false },
      identity: {
        current: IDENTITIES[0],
        next: IDENTITIES[1],
        announce: async () => {},
        activate: async () => {},
      },
      rotateSealingKey: async () => 'k2',
      resealAll: async function* () {},
      exportSubject: async function* () {},
      countSubject: async () => ({ sessions: 5, idempotencyKeys: 6 }),
      eraseSubject: async () => ({ sessions: 3, idempotencyKeys: 4 }),
      backup: async function* () {},
      check: async function* () {},
      keys: () => ({ identity: new Uint8Array(32).fill(1), sealingKey: 'k' }),
      clock: { offsetMs: () => -1500.4, isSuspect: () => true, confirm: () => -1500.4 },
      ...ports,
    },
    { observer: NO_FAILURES, audit: audit ?? kept },
  )
  const server = await startTestGrpc({ 'sessiond.v1.Admin': service })
  const connection = connect(server.address, { serverKeys: 'any' })
  onTestFinished(async () => {
    connection.close()
    await server.close(0)
  })
  const entry = () =>
    new Promise<void>((resolve) => {
      onEntry = resolve
    })
  return { admin: new AdminClient(connection), entries, entry }
}

/** Everything that a stream gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) {
    found.push(item)
  }
  return found
}
