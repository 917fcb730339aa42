import type { Connect } from './protocol/messages.js'
import { isOlderVersion } from './protocol/version.js'

/** How many versions are counted separately. Clients must not be able to grow the log. */
const MAX_VERSIONS = 16
const VERSION = /^[\w.+-]{1,32}$/

export interface FeedUsage {
  readonly viewers: number
  /** Viewers by client version. `unknown`: the client did not say. `other`: beyond the limits. */
  readonly versions: Readonly<Record<string, number>>
  /** Viewers whose version is older than the expected one. */
  readonly outdated: number
}

/** Counts viewers by their `connect`; null is one that sent none. */
export function usageOf(clients: readonly (Connect | null)[], expectedVersion: string): FeedUsage {
  const counts = new Map<string, number>()
  for (const client of clients) {
    const label =
      client === null ? 'unknown' : VERSION.test(client.version) ? client.version : 'other'
    counts.set(label, (counts.get(label) ?? 0) + 1)
  }
  const versions: Record<string, number> = Object.create(null)
  for (const [i, [label, count]] of [...counts].sort(([, a], [, b]) => b - a).entries()) {
    const shown = i < MAX_VERSIONS ? label : 'other'
    versions[shown] = (versions[shown] ?? 0) + count
  }
  const outdated = clients.filter(
    (client) => client !== null && isOlderVersion(client.version, expectedVersion),
  ).length
  return { viewers: clients.length, versions: { ...versions }, outdated }
}
